import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from clawbot_agent.host.systemd import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    abstract = request.param == "abstract"
    name = f"clawbot-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}" if abstract else name)
        listener.settimeout(5)
        yield listener, f"@{name}" if abstract else name


@pytest.fixture
def notifier(
    manager: tuple[socket.socket, str], monkeypatch: pytest.MonkeyPatch
) -> tuple[Notifier, socket.socket]:
    monkeypatch.setenv("NOTIFY_SOCKET", manager[1])
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    return Notifier.from_environment(), manager[0]


def test_each_message_reaches_the_manager(notifier: tuple[Notifier, socket.socket]) -> None:
    sender, manager = notifier
    sender.ready("serving")
    sender.status("2 of 3\nREADY=0")
    sender.watchdog()
    sender.stopping()
    assert [manager.recv(4096).decode() for _ in range(4)] == [
        "READY=1\nSTATUS=serving",
        "STATUS=2 of 3 READY=0",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


def test_watchdogs_time_is_in_seconds(notifier: tuple[Notifier, socket.socket]) -> None:
    assert notifier[0].watchdog_seconds == 30


def test_children_do_not_inherit_the_socket(notifier: tuple[Notifier, socket.socket]) -> None:
    """Systemd warns of each message from a process that is not the service's main one."""
    assert notifier[0].address
    assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC"} & set(os.environ)


def test_without_a_manager_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    silent = Notifier.from_environment()
    silent.ready()
    assert silent == Notifier()


def test_absent_manager_is_ignored(tmp_path: Path) -> None:
    Notifier(str(tmp_path / "absent")).watchdog()
