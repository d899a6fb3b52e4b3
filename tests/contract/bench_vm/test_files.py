"""Azure Files on the bench, from another program's view: smbclient beside the server."""

import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.bench.bench import Bench
from tests.bench.files import ACCOUNT, ADDRESS, SHARE, Files


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench("contract-files", machine=False) as running:
        yield running


@pytest.fixture
def files(bench: Bench) -> Files:
    return bench.files


def client_argv(bench: Bench, *options: str, key: str | None = None) -> tuple[str, ...]:
    inside = ("ip", "netns", "exec", bench.network.azure_namespace)
    login = f"{ACCOUNT}%{key or bench.files.key}"
    flags = ("--configfile=/dev/null", "--user", login, "--timeout", "3", *options)
    return (*inside, "smbclient", f"//{ADDRESS}/{SHARE}", *flags)


def client(bench: Bench, what: str, *options: str, key: str | None = None) -> str:
    """Run one of smbclient's commands; returns what it says, of its errors too."""
    argv = (*client_argv(bench, *options, key=key), "--command", what)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def test_what_one_client_writes_is_on_the_share(bench: Bench, files: Files) -> None:
    (files.directory() / "from-host").write_text("x")
    assert "from-host" in client(bench, "ls; mkdir made")
    assert (files.directory() / "made").is_dir()


def test_an_old_protocol_is_refused(bench: Bench) -> None:
    assert "NT_STATUS_NOT_SUPPORTED" in client(bench, "ls", "--max-protocol=SMB2_10")


def test_every_session_is_encrypted_also_when_the_client_does_not_ask(
    bench: Bench, files: Files
) -> None:
    argv = client_argv(bench, "--client-protection=off")
    quiet = subprocess.DEVNULL
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet) as open_client:
        deadline = time.monotonic() + 20
        while not files.sessions() and time.monotonic() < deadline:
            time.sleep(0.2)
        (session,) = files.status()["sessions"].values()
        # the end of its input ends it
        open_client.communicate()
    assert session["encryption"]["degree"] == "full"
    assert session["session_dialect"].startswith("SMB3")


def test_a_changed_key_lets_nobody_in_with_the_old_one(bench: Bench, files: Files) -> None:
    old = files.key
    new = files.change_key()
    assert "NT_STATUS_LOGON_FAILURE" in client(bench, "ls", key=old)
    assert "blocks available" in client(bench, "ls", key=new)
    assert bench.azure.get("arm")["accounts"] == [ACCOUNT]


def test_a_read_only_share_takes_no_writes_until_it_is_writable_again(
    bench: Bench, files: Files
) -> None:
    files.set_read_only(read_only=True)
    assert "NT_STATUS" in client(bench, "mkdir refused")
    files.set_read_only(read_only=False)
    client(bench, "mkdir allowed")
    made = {path.name for path in files.directory().iterdir()}
    assert "allowed" in made
    assert "refused" not in made


def test_a_stopped_server_refuses_and_a_started_one_has_all_files(
    bench: Bench, files: Files
) -> None:
    (files.directory() / "kept").write_text("x")
    files.stop()
    assert not files.running()
    assert "CONNECTION_REFUSED" in client(bench, "ls")
    files.start()
    assert "kept" in client(bench, "ls")


def test_a_blocked_port_does_not_even_refuse(bench: Bench, files: Files) -> None:
    files.block()
    assert "NT_STATUS_IO_TIMEOUT" in client(bench, "ls")
    files.unblock()
    assert "blocks available" in client(bench, "ls")


def test_another_share_is_another_directory(files: Files) -> None:
    directory = files.add_share("second")
    assert directory == files.directory("second")
    assert directory != files.directory()


def test_nobody_is_there(files: Files) -> None:
    assert files.sessions() == []
    assert files.status()["open_files"] == {}
