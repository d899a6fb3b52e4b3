"""The sockets that listen, and what the bot answers."""

import ipaddress
import json
import shlex
import time
from dataclasses import dataclass
from typing import Any, Final

import pytest
from testinfra.host import Host

from clawbot_agent.config.model import BotConfig
from tests.machine.finished.conftest import Web

GATEWAY: Final = 18789
SIDECAR: Final = 18790
SSH: Final = 22
CLOSED: Final = ("169.254.169.254:80", "168.63.129.16:80", "168.63.129.16:32526")
ASK: Final = f"""
const net = require('net');
const ask = (where) => new Promise((done) => {{
    const [host, port] = where.split(':');
    const socket = net.connect({{host, port, timeout: 5000}});
    socket.on('error', (error) => done([where, error.code]));
    socket.on('timeout', () => {{ socket.destroy(); done([where, 'timeout']); }});
    socket.on('connect', () => {{ socket.destroy(); done([where, 'open']); }});
}});
Promise.all({json.dumps(CLOSED)}.map(ask)).then(
    (all) => console.log(JSON.stringify(Object.fromEntries(all))));
"""
ATTEMPTS: Final = 20
# a DHCP client listens for the answer
DHCP: Final = {68, 546}
WEBSOCKET: Final = " ".join(
    f"--header '{header}'"
    for header in (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
)


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket."""

    protocol: str
    address: str
    port: int

    @property
    def local(self) -> bool:
        """Whether only the machine itself can reach it."""
        return self.address not in {"*", ""} and ipaddress.ip_address(self.address).is_loopback


@pytest.fixture(scope="module")
def listeners(host: Host) -> set[Listener]:
    """Return all TCP and UDP sockets that listen."""
    rows = host.check_output("ss --no-header --listening --tcp --udp --numeric").splitlines()
    found = set()
    for protocol, _state, _received, _sent, local, *_peer in map(str.split, rows):
        address, _, port = local.rpartition(":")
        bare = address.partition("%")[0].strip("[]")
        found.add(Listener(protocol, bare, int(port)))
    return found


def test_no_other_port_is_open_to_the_network(listeners: set[Listener], config: BotConfig) -> None:
    web = {80, 443} if config.caddy.domain else {80}
    allowed = {("tcp", port) for port in {*web, SSH}} | {("udp", port) for port in DHCP}
    if config.caddy.domain:
        # HTTP/3
        allowed.add(("udp", 443))
    open_ports = {(one.protocol, one.port) for one in listeners if not one.local}
    assert open_ports - allowed == set()
    assert {("tcp", port) for port in web} <= open_ports


def test_gateway_listens_on_loopback_only(listeners: set[Listener]) -> None:
    assert {one.address for one in listeners if one.port == GATEWAY} == {"127.0.0.1"}


def test_sidecar_listens_on_loopback_only(listeners: set[Listener]) -> None:
    assert {one.address for one in listeners if one.port == SIDECAR} == {"127.0.0.1", "::1"}


def test_page_is_served(web: Web) -> None:
    head, body = web.get("/")
    assert head.startswith("HTTP/1.1 200")
    assert "OpenClaw" in body.partition("<title>")[2].partition("</title>")[0]


def test_headers_do_not_name_the_server(web: Web) -> None:
    lines = web.get("/")[0].lower().splitlines()
    assert "x-content-type-options: nosniff" in lines
    assert [line for line in lines if line.startswith(("server:", "x-powered-by:"))] == []


def test_websocket_opens(web: Web) -> None:
    """It stays open until curl's time limit; the first line arrives before that."""
    command = web.curl("/", f"--no-buffer --max-time 5 {WEBSOCKET}")
    done = web.host.run(f"{command} 2>/dev/null | head --lines=1")
    assert done.stdout.startswith("HTTP/1.1 101")


def test_gateway_is_ready(host: Host) -> None:
    """Requested directly; the request comes from a trusted proxy and must name the client."""
    answer = host.check_output(
        "curl --silent --show-error --max-time 30 --header 'X-Forwarded-For: 203.0.113.9' "
        f"http://127.0.0.1:{GATEWAY}/readyz"
    )
    assert json.loads(answer)["ready"] is True


def test_readiness_is_proxied_by_caddy(web: Web) -> None:
    assert json.loads(web.get("/readyz")[1])["ready"] is True


def sidecar_health(host: Host, address: str) -> dict[str, Any]:
    """Return the sidecar's answer; wait up to 1 min for a start or a run to finish."""
    command = f"curl --silent --show-error --max-time 30 http://{address}:{SIDECAR}/health"
    found: dict[str, Any] = {}
    for _ in range(ATTEMPTS):
        found = json.loads(host.check_output(command))
        if found["status"] == "healthy":
            break
        time.sleep(3)
    return found


@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]"])
def test_sidecar_reports_healthy(host: Host, address: str) -> None:
    """In every component that exists on this machine."""
    found = sidecar_health(host, address)
    assert found["status"] == "healthy", found
    assert {one["state"] for one in found["components"].values()} <= {"ok", "absent"}


def test_containers_cannot_reach_the_instances_identity(host: Host) -> None:
    """Connections are rejected at once and do not time out; Azure's DNS stays reachable."""
    answers = host.check_output(f"docker exec openclaw-gateway node -e {shlex.quote(ASK)}")
    assert json.loads(answers) == dict.fromkeys(CLOSED, "ECONNREFUSED")
    rules = host.check_output("iptables -S DOCKER-USER").splitlines()
    assert not [rule for rule in rules if "dport 53" in rule]
    ports = [rule.partition("--dport ")[2].split()[:1] for rule in rules if "168.63.129.16" in rule]
    assert sorted(ports) == [["32526"], ["80"]]


def test_external_clients_get_only_the_overall_status(web: Web) -> None:
    sidecar_health(web.host, "127.0.0.1")
    head, body = web.get("/health")
    assert json.loads(body) == {"status": "healthy"}
    assert "cache-control: no-store" in head.lower()
