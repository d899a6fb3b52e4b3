"""Azure Files on the bench, used by smbclient."""

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
    """Run an smbclient command; return its output with errors."""
    argv = (*client_argv(bench, *options, key=key), "--command", what)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def test_written_file_is_on_the_share(bench: Bench, files: Files) -> None:
    (files.directory() / "from-host").write_text("x")
    assert "from-host" in client(bench, "ls; mkdir made")
    assert (files.directory() / "made").is_dir()


def test_old_protocol_is_refused(bench: Bench) -> None:
    assert "NT_STATUS_NOT_SUPPORTED" in client(bench, "ls", "--max-protocol=SMB2_10")


def test_session_is_encrypted_even_if_the_client_does_not_request_it(
    bench: Bench, files: Files
) -> None:
    argv = client_argv(bench, "--client-protection=off")
    quiet = subprocess.DEVNULL
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet) as open_client:
        deadline = time.monotonic() + 20
        while not files.sessions() and time.monotonic() < deadline:
            time.sleep(0.2)
        (session,) = files.status()["sessions"].values()
        # it exits at the end of its input
        open_client.communicate()
    assert session["encryption"]["degree"] == "full"
    assert session["session_dialect"].startswith("SMB3")


def test_old_key_is_refused_after_a_key_change(bench: Bench, files: Files) -> None:
    old = files.key
    new = files.change_key()
    assert "NT_STATUS_LOGON_FAILURE" in client(bench, "ls", key=old)
    assert "blocks available" in client(bench, "ls", key=new)
    assert bench.azure.get("arm")["accounts"] == [ACCOUNT]


def test_read_only_share_refuses_writes_until_it_is_writable_again(
    bench: Bench, files: Files
) -> None:
    files.set_read_only(read_only=True)
    assert "NT_STATUS" in client(bench, "mkdir refused")
    files.set_read_only(read_only=False)
    client(bench, "mkdir allowed")
    made = {path.name for path in files.directory().iterdir()}
    assert "allowed" in made
    assert "refused" not in made


def test_stopped_server_refuses_and_restarted_server_has_all_files(
    bench: Bench, files: Files
) -> None:
    (files.directory() / "kept").write_text("x")
    files.stop()
    assert not files.running()
    assert "CONNECTION_REFUSED" in client(bench, "ls")
    files.start()
    assert "kept" in client(bench, "ls")


def test_blocked_port_times_out(bench: Bench, files: Files) -> None:
    files.block()
    assert "NT_STATUS_IO_TIMEOUT" in client(bench, "ls")
    files.unblock()
    assert "blocks available" in client(bench, "ls")


def test_each_share_has_its_own_directory(files: Files) -> None:
    directory = files.add_share("second")
    assert directory == files.directory("second")
    assert directory != files.directory()


def test_no_session_without_a_client(files: Files) -> None:
    assert files.sessions() == []
    assert files.status()["open_files"] == {}
