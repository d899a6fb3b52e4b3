"""A TCP port that answers, refuses, or says nothing."""

import socket
import threading
import time

import pytest

from clawbot_agent.host.network import Reached, SystemReach
from tests.contract.host.conftest import Limits


@pytest.fixture
def reached(limits: Limits) -> SystemReach:
    return SystemReach(limits(30))


def test_listening_port_is_open(reached: SystemReach) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert reached("127.0.0.1", server.getsockname()[1]) is Reached.OPEN


def test_closed_port_refuses(reached: SystemReach) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert reached("localhost", port) is Reached.REFUSED


def test_port_that_drops_packets_is_silent_within_the_timeout(reached: SystemReach) -> None:
    """A listener whose queue is full answers no more than a firewall that drops."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.settimeout(0)
            filler.connect_ex(address)
        time.sleep(0.1)
        started = time.monotonic()
        try:
            assert reached("127.0.0.1", address[1], timeout=0.5) is Reached.SILENT
        finally:
            for filler in fillers:
                filler.close()
        assert time.monotonic() - started < 8


def test_unknown_name_is_reported(reached: SystemReach, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the C library says it, without asking a real server."""

    def unknown(*_args: object, **_kwargs: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert reached("no.such.name", 445) is Reached.NAME_UNKNOWN


def test_silent_dns_server_does_not_block(
    reached: SystemReach, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The C library would wait for as long as resolv.conf says."""
    released = threading.Event()

    def slow(*_args: object, **_kwargs: object) -> object:
        released.wait(10)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    started = time.monotonic()
    assert reached("some.name", 445, timeout=0.3) is Reached.DNS_SILENT
    assert time.monotonic() - started < 8
    released.set()
