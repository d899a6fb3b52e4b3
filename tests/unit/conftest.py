"""Unit tests start no process and open no socket; a test that needs one is a contract test."""

import os
import socket
import subprocess
from collections.abc import Callable
from typing import Final, NoReturn

import pytest

_STARTERS: Final = tuple(
    name
    for name in ("fork", "forkpty", "popen", "posix_spawn", "posix_spawnp", "system")
    if hasattr(os, name)
)


def _forbid(what: str) -> Callable[..., NoReturn]:
    def refuse(*_args: object, **_kwargs: object) -> NoReturn:
        msg = f"a unit test must not use {what}; make it a contract test"
        raise AssertionError(msg)

    return refuse


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess.Popen, "__init__", _forbid("subprocess"))
    for name in _STARTERS:
        monkeypatch.setattr(os, name, _forbid(f"os.{name}"))


@pytest.fixture(autouse=True)
def _no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("connect", "connect_ex", "bind", "listen", "sendto"):
        monkeypatch.setattr(socket.socket, name, _forbid(f"socket.{name}"), raising=False)
    for name in ("create_connection", "create_server", "getaddrinfo"):
        monkeypatch.setattr(socket, name, _forbid(f"socket.{name}"))
