"""A virtual machine's network cable and DHCP server, on the network of `tests.bench.network`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.bench.commands import run
from tests.bench.network import BRIDGE, DNS_ADDRESS, FIRST_INSTANCE, PLATFORM_ADDRESSES, Network

LIMIT: Final = 60
NUMBERS: Final = range(FIRST_INSTANCE, FIRST_INSTANCE + LIMIT)
_DOMAIN: Final = "bench.internal.cloudapp.net"


def tap(number: int) -> str:
    """Return the name of an instance's tap device in Azure's namespace."""
    return f"tap{number}"


def plug(net: Network, number: int) -> None:
    """Create the tap device of instance `number` and attach it to the bridge."""
    inside = ("ip", "-n", net.azure_namespace)
    run(*inside, "tuntap", "add", tap(number), "mode", "tap")
    run(*inside, "link", "set", tap(number), "master", BRIDGE, "up")


def unplug(net: Network, number: int) -> None:
    """Remove the tap device, if any."""
    run("ip", "-n", net.azure_namespace, "link", "delete", tap(number), check=False)


def dhcp_arguments(net: Network, run_dir: Path) -> tuple[str, ...]:
    """Return the DHCP server's argv: each MAC address has a fixed address, as on Azure.

    Options as Azure sends them: 121 has the routes to the platform's addresses, without which
    cloud-init does not accept a network interface as the primary one; 245 is the wire server.
    """
    routes = ("0.0.0.0/0", *(f"{address}/32" for address in PLATFORM_ADDRESSES))
    options = (
        f"option:router,{net.gateway}",
        f"option:dns-server,{DNS_ADDRESS}",
        f"option:domain-name,{_DOMAIN}",
        f"option:classless-static-route,{_pairs(routes, net.gateway)}",
    )
    return (
        *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root"),
        *("--bind-interfaces", f"--interface={BRIDGE}", "--dhcp-authoritative"),
        f"--pid-file={run_dir / 'dhcp.pid'}",
        f"--dhcp-leasefile={run_dir / 'dhcp.leases'}",
        f"--dhcp-range={net.address(0)},static,255.255.255.0,infinite",
        *(f"--dhcp-host={net.mac(number)},{net.address(number)}" for number in NUMBERS),
        *(f"--dhcp-option={option}" for option in options),
        # sent without being requested
        f"--dhcp-option-force=245,{DNS_ADDRESS}",
    )


def _pairs(routes: Iterable[str], gateway: str) -> str:
    return ",".join(f"{route},{gateway}" for route in routes)
