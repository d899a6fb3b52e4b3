import os
import socket
import subprocess

import pytest

from tests.fakes import FakeRun


def test_unit_tests_cannot_start_processes() -> None:
    """Neither through subprocess nor below it."""
    with pytest.raises(AssertionError, match="subprocess"):
        subprocess.run(("true",), check=False)  # noqa: S607 - never runs
    with pytest.raises(AssertionError, match=r"os\.posix_spawn"):
        os.posix_spawn("/bin/true", ("true",), {})
    with pytest.raises(AssertionError, match=r"os\.fork"):
        os.fork()


def test_unit_tests_cannot_open_connections() -> None:
    """Neither as a client nor as a server."""
    with pytest.raises(AssertionError, match="create_connection"):
        socket.create_connection(("127.0.0.1", 9))
    with socket.socket() as opened, pytest.raises(AssertionError, match="bind"):
        opened.bind(("127.0.0.1", 0))


def test_an_unforeseen_program_fails_the_test_and_is_named() -> None:
    """Nothing runs by accident."""
    with pytest.raises(AssertionError, match=r"\('rm', '-rf'\)"):
        FakeRun()(("rm", "-rf"))


def test_units_follow_systemctl() -> None:
    """Starting a unit makes it active."""
    run = FakeRun()
    run.unit("docker.service", active="inactive", enabled="disabled")
    run(("systemctl", "enable", "--now", "docker.service"))
    shown = run(("systemctl", "show", "docker.service", "--property=ActiveState")).stdout
    assert "ActiveState=active" in shown
    assert "UnitFileState=enabled" in shown
