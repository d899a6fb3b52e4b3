"""Azure's network on the bench: one namespace for Azure, one for the instance, connected.

    host ── veth 10.62.i.0/30 ── cb<i>-azure: bridge 10.61.i.1 ── veth ── cb<i>-vm: eth0 10.61.i.4
                                 168.63.129.16, 169.254.169.254, the services' addresses

Addresses as in a virtual network with default DNS: the instance has .4 (Azure reserves .0 to .3),
168.63.129.16 answers DNS, and both platform addresses are reached through the gateway.
"""

import ipaddress
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.commands import run
from tests.bench.errors import BenchError

PLATFORM_ADDRESSES: Final = ("168.63.129.16", "169.254.169.254")
DNS_ADDRESS: Final = "168.63.129.16"
BRIDGE: Final = "vnet"
# Azure reserves .0 to .3 of every subnet
FIRST_INSTANCE: Final = 4
_GATEWAY_MAC: Final = "12:34:56:78:9a:bc"


@dataclass(frozen=True, slots=True)
class Network:
    """Names and addresses of bench number `index`, all derived from it."""

    index: int

    @property
    def azure_namespace(self) -> str:
        """The network namespace in which Azure's services run."""
        return f"cb{self.index}-azure"

    @property
    def vm_namespace(self) -> str:
        """The network namespace of the instance."""
        return f"cb{self.index}-vm"

    @property
    def host_interface(self) -> str:
        """The host's end of the link to Azure's namespace."""
        return f"cb{self.index}-host"

    @property
    def table(self) -> str:
        """The host's nftables table (family ip) for this bench."""
        return f"clawbot-bench-{self.index}"

    @property
    def subnet(self) -> str:
        """The instance's subnet."""
        return f"10.61.{self.index}.0/24"

    @property
    def gateway(self) -> str:
        """The subnet's gateway, on the bridge."""
        return f"10.61.{self.index}.1"

    @property
    def instance(self) -> str:
        """The instance's private address, also reachable from the host."""
        return self.address(FIRST_INSTANCE)

    def address(self, number: int) -> str:
        """Return the private address of instance `number`, counted from `FIRST_INSTANCE`."""
        return f"10.61.{self.index}.{number}"

    def mac(self, number: int) -> str:
        """Return the MAC address of instance `number`."""
        # 00:0d:3a is one of the MAC prefixes of Azure's network interfaces
        return f"00:0d:3a:61:{self.index:02x}:{number:02x}"

    @property
    def link(self) -> tuple[str, str]:
        """Addresses of the link between the host and Azure's namespace: host end, Azure end."""
        return f"10.62.{self.index}.1", f"10.62.{self.index}.2"

    def up(self, services: Iterable[str], *, instance: bool = True) -> None:
        """Create namespaces, links, addresses, routes and firewall rules.

        Args:
            services: additional IPv4 addresses in Azure's namespace.
            instance: also create and connect the instance's namespace.

        Raises:
            BenchError: a route or name is already in use, or the kernel refuses.
        """
        self._refuse_collision()
        run("ip", "netns", "add", self.azure_namespace)
        run("ip", "-batch", "-", stdin="\n".join(self._host_side()))
        azure = "\n".join(self._azure_side(services))
        run("ip", "-n", self.azure_namespace, "-batch", "-", stdin=azure)
        if instance:
            run("ip", "netns", "add", self.vm_namespace)
            run("ip", "-n", self.vm_namespace, "-batch", "-", stdin="\n".join(self._vm_side()))
            port = ("link", "set", "vm", "master", BRIDGE, "up")
            run("ip", "-n", self.azure_namespace, *port)
        forward = "/proc/sys/net/ipv4/ip_forward"
        run("ip", "netns", "exec", self.azure_namespace, "tee", forward, stdin="1\n")
        run("nft", "-f", "-", stdin=self._ruleset())

    def down(self) -> None:
        """Remove everything, even if it exists only partially."""
        run("nft", "delete", "table", "ip", self.table, check=False)
        # deleting a namespace deletes its veth and the peer
        run("ip", "link", "delete", self.host_interface, check=False)
        for namespace in (self.vm_namespace, self.azure_namespace):
            run("ip", "netns", "delete", namespace, check=False)

    def _refuse_collision(self) -> None:
        for route in json.loads(run("ip", "-json", "-4", "route", "show") or "[]"):
            if route["dst"] == "default":
                continue
            taken = ipaddress.ip_network(route["dst"])
            for mine in (self.subnet, f"{self.link[0]}/32"):
                if taken.overlaps(ipaddress.ip_network(mine)):
                    msg = f"host already routes {taken} to {route.get('dev')}: bench needs it"
                    raise BenchError(msg)

    def _host_side(self) -> list[str]:
        host, azure = self.link
        return [
            f"link add {self.host_interface} type veth peer name host netns {self.azure_namespace}",
            f"address add {host}/30 dev {self.host_interface}",
            f"link set {self.host_interface} up",
            f"route add {self.subnet} via {azure}",
        ]

    def _azure_side(self, services: Iterable[str]) -> list[str]:
        host, azure = self.link
        extra = (*PLATFORM_ADDRESSES, *services)
        return [
            "link set lo up",
            f"address add {azure}/30 dev host",
            "link set host up",
            # fixed: a bridge's own MAC changes with each attached port; this one is Azure's
            f"link add {BRIDGE} address {_GATEWAY_MAC} type bridge forward_delay 0",
            f"address add {self.gateway}/24 dev {BRIDGE}",
            *(f"address add {address}/32 dev {BRIDGE}" for address in extra),
            f"link set {BRIDGE} up",
            f"route add default via {host}",
        ]

    def _vm_side(self) -> list[str]:
        return [
            f"link add eth0 type veth peer name vm netns {self.azure_namespace}",
            "link set lo up",
            f"link set eth0 address {self.mac(FIRST_INSTANCE)}",
            f"address add {self.instance}/24 broadcast + dev eth0",
            "link set eth0 up",
            f"route add default via {self.gateway}",
        ]

    def _ruleset(self) -> str:
        # MSS clamping avoids a smaller MTU in the machine when the host's uplink is a tunnel
        return f"""
        table ip {self.table} {{
            chain forward {{
                type filter hook forward priority filter; policy accept;
                iifname "{self.host_interface}" tcp flags syn tcp option maxseg size set rt mtu
                oifname "{self.host_interface}" tcp flags syn tcp option maxseg size set rt mtu
            }}
            chain postrouting {{
                type nat hook postrouting priority srcnat; policy accept;
                ip saddr {{ {self.subnet}, {self.link[1]} }} oifname != "{self.host_interface}" \
masquerade
            }}
        }}
        """


def dns_arguments(addresses: Mapping[str, str], run_dir: Path) -> tuple[str, ...]:
    """Return the DNS server's argv: it answers these names and forwards all others."""
    upstream = (f"--server={server}" for server in upstream_servers())
    return (
        *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts", "--no-resolv"),
        *("--bind-interfaces", f"--listen-address={DNS_ADDRESS}", "--user=root", "--cache-size=0"),
        f"--pid-file={run_dir / 'dnsmasq.pid'}",
        # it also answers for all names below these
        *(f"--address=/{name.removeprefix('*.')}/{address}" for name, address in addresses.items()),
        *upstream,
    )


def upstream_servers() -> list[str]:
    """Return the host's IPv4 name servers that are reachable from other namespaces.

    Raises:
        BenchError: all are on the loopback interface, and systemd-resolved has no others.
    """
    for path in ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"):
        text = Path(path).read_text() if Path(path).is_file() else ""
        fields = [line.split() for line in text.splitlines()]
        servers = [field[1] for field in fields if field[:1] == ["nameserver"] and len(field) > 1]
        usable = [server for server in servers if ":" not in server and server[:4] != "127."]
        if usable:
            return usable
    msg = "no IPv4 name server in /etc/resolv.conf that another network namespace can reach"
    raise BenchError(msg)
