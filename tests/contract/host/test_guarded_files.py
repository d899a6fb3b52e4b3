"""Files behind a worker process: the same answers, and an end to every wait."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from clawbot_agent.core.errors import DeadlineExceededError, InterruptedRunError
from clawbot_agent.host import guarded_files, isolation
from clawbot_agent.host.files import FileReadError, FileWriteError, SystemFiles
from clawbot_agent.host.guarded_files import GuardedFiles
from clawbot_agent.host.isolation import FileWorkerError
from clawbot_agent.host.share_errors import (
    ShareAccessLostError,
    ShareHungError,
    ShareServerAwayError,
    ShareStaleError,
)
from tests.contract.host.conftest import Limits, MakeFiles

READY = (
    "import socket, time\n"
    "from clawbot_agent.host.isolated import READY, framed\n"
    "channel = socket.socket(fileno=0)\n"
    "channel.sendall(framed(READY))\n"
)
FROZEN = (sys.executable, "-c", f"{READY}time.sleep(60)")
Make = Callable[..., GuardedFiles]


@pytest.fixture
def share(tmp_path: Path) -> Path:
    path = tmp_path / "share"
    path.mkdir()
    return path


@pytest.fixture
def make(share: Path, limits: Limits, guarded: MakeFiles) -> Make:
    """Make guarded files of the share; `program` stands in for the child's."""

    def made(program: tuple[str, ...] | None = None, *, seconds: float = 60) -> GuardedFiles:
        return guarded(limits(seconds), share, program=program)

    return made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short patience."""
    monkeypatch.setattr(guarded_files, "_READ_SECONDS", 0.5)
    monkeypatch.setattr(guarded_files, "_WRITE_SECONDS", 0.5)


def pids(files: GuardedFiles) -> list[int]:
    """Of the workers that wait for work."""
    return [child.process.pid for child in files.isolation._idle]  # noqa: SLF001 - the test's point


def test_every_operation_has_the_same_result_as_without_a_guard(make: Make, share: Path) -> None:
    """Content, mode, absence and order come through as they are."""
    files, path = make(), share / "a" / "b"
    files.mkdir(share / "a", mode=0o750)
    files.write(path, "text é \U0001f980\r\n", mode=0o640)
    plain = SystemFiles()
    assert path.read_bytes() == "text é \U0001f980\r\n".encode()
    assert files.read_text(path) == plain.read_text(path)
    assert files.stat(path) == plain.stat(path)
    assert files.stat(share / "a") == plain.stat(share / "a")
    files.rename(path, share / "c")
    assert files.list(share) == ("a", "c")
    files.remove(share / "c")
    assert (files.stat(path), files.read_text(path), files.list(path)) == (None, None, ())


def test_megabytes_are_transferred_both_ways(make: Make, share: Path) -> None:
    """More than a socket holds, both ways."""
    text = "é" * 2**20
    files = make()
    files.write(share / "big", text, mode=0o600)
    assert files.read_text(share / "big") == text


def test_one_child_serves_all_and_starts_only_when_needed(make: Make, share: Path) -> None:
    """A path that is not guarded costs no process."""
    files = make()
    assert files.stat(share.parent) is not None
    assert pids(files) == []
    files.stat(share)
    first = pids(files)
    files.list(share)
    assert pids(files) == first
    assert len(first) == 1


@pytest.mark.parametrize("way", ["share", "share/x/../y", "other/../share/x", "./share"])
def test_path_below_the_share_is_guarded_however_spelled(make: Make, share: Path, way: str) -> None:
    """However it is spelled; a name that only begins the same is not."""
    files = make()
    assert files.stat(share.parent / "share-2") is None
    assert pids(files) == []
    files.stat(Path(f"{share.parent}/{way}"))
    assert len(pids(files)) == 1


def test_refused_write_is_the_same_error(make: Make, share: Path) -> None:
    """With the same words."""
    (share / "directory").mkdir()
    plain = pytest.raises(FileWriteError, match="Is a directory")
    with plain as direct:
        SystemFiles().write(share / "directory", "x", mode=0o600)
    with plain as guarded:
        make().write(share / "directory", "x", mode=0o600)
    assert guarded.value.message == direct.value.message


@pytest.mark.usefixtures("quick")
def test_hung_operation_ends_and_the_next_one_works(make: Make, share: Path) -> None:
    """Opening a FIFO for reading waits for a writer, as a share waits for its server."""
    files = make()
    os.mkfifo(share / "fifo")
    files.stat(share)
    (worker,) = pids(files)
    started = time.monotonic()
    with pytest.raises(ShareHungError, match=r"fifo: no answer to 'read_text'"):
        files.read_text(share / "fifo")
    assert time.monotonic() - started < 8
    assert files.stat(share) is not None
    assert worker not in pids(files)


@pytest.mark.usefixtures("quick")
def test_frozen_child_is_abandoned_during_a_large_write(make: Make, share: Path) -> None:
    """The way to it fills up; that must not hang either."""
    files = make()
    files.stat(share)
    os.kill(pids(files)[0], signal.SIGSTOP)
    with pytest.raises(ShareHungError, match="no answer to 'write'"):
        files.write(share / "big", "x" * 2**22, mode=0o600)
    files.write(share / "small", "x", mode=0o600)
    assert files.list(share) == ("small",)


@pytest.mark.usefixtures("quick")
def test_number_of_hung_children_is_bounded(
    make: Make, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After four, the answer is at once that the share hangs; when they go, it is tried again."""
    files = make(FROZEN)
    with monkeypatch.context() as held:
        held.setattr(subprocess.Popen, "kill", lambda _self: None)
        for _ in range(4):
            with pytest.raises(ShareHungError):
                files.stat(share)
        started = time.monotonic()
        with pytest.raises(ShareHungError):
            files.stat(share)
        assert time.monotonic() - started < 1
        assert len(files.isolation._stuck) == 4  # noqa: SLF001 - the test's point
    for process in files.isolation._stuck:  # noqa: SLF001 - same
        process.kill()
        process.wait(5)
    started = time.monotonic()
    with pytest.raises(ShareHungError):
        files.stat(share)
    assert time.monotonic() - started > 0.4


def test_killed_child_is_replaced(make: Make, share: Path) -> None:
    """By the kernel when memory is short, for example."""
    files = make()
    files.stat(share)
    (worker,) = pids(files)
    os.kill(worker, signal.SIGKILL)
    assert files.stat(share) is not None
    assert worker not in pids(files)


def test_children_that_keep_dying_are_an_error(make: Make, share: Path) -> None:
    """Two are tried, not more."""
    files = make(("false",))
    with pytest.raises(FileWorkerError, match="ends before it answers"):
        files.stat(share)


def test_child_that_does_not_start_is_no_error_of_the_share(
    make: Make, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine may be too busy to start Python."""
    monkeypatch.setattr(isolation, "_START_SECONDS", 0.3)
    files = make(("sleep", "60"))
    with pytest.raises(FileWorkerError, match="did not start"):
        files.stat(share)


def test_interrupt_ends_the_wait(make: Make, share: Path, canceled: threading.Event) -> None:
    """Long before the operation's own time is up."""
    files = make(FROZEN)
    threading.Timer(0.3, canceled.set).start()
    started = time.monotonic()
    with pytest.raises(InterruptedRunError):
        files.stat(share)
    assert time.monotonic() - started < 8


def test_end_of_the_run_is_no_error_of_the_share(make: Make, share: Path) -> None:
    """The run's limit is the shorter one here."""
    with pytest.raises(DeadlineExceededError):
        make(FROZEN, seconds=0.4).stat(share)


def test_many_threads_get_their_own_answers(make: Make, share: Path) -> None:
    """Each request has a worker of its own for as long as it takes."""
    files, wrong = make(), []

    def go(number: int) -> None:
        for turn in range(10):
            path = share / f"{number}"
            files.write(path, f"{number}-{turn}", mode=0o600)
            if files.read_text(path) != f"{number}-{turn}":
                wrong.append(number)

    threads = [threading.Thread(target=go, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []
    assert 1 <= len(pids(files)) <= 4


def test_children_end_with_the_agent(share: Path) -> None:
    """Even when the agent is killed."""
    script = (
        "import sys, time; from pathlib import Path\n"
        "from clawbot_agent.host import system_host\n"
        f"share = Path({str(share)!r})\n"
        "host = system_host(deadline=60, guarded=(share,)); host.files.stat(share)\n"
        "print(host.files.isolation._idle[0].process.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen((sys.executable, "-c", script), stdout=subprocess.PIPE) as agent:
        assert agent.stdout is not None
        worker = Path(f"/proc/{int(agent.stdout.readline())}")
        assert worker.exists()
        agent.kill()
    for _ in range(50):
        if not worker.exists():
            break
        time.sleep(0.1)
    assert not worker.exists()


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ESTALE, ShareStaleError),
        (errno.EHOSTDOWN, ShareServerAwayError),
        (errno.EKEYEXPIRED, ShareAccessLostError),
        (errno.EIO, FileReadError),
    ],
)
def test_errno_becomes_a_typed_error(
    make: Make, share: Path, number: int, error: type[Exception]
) -> None:
    """On reads and on writes; what says nothing about the share stays as it is."""
    with pytest.raises(error):
        make(saying({"message": "no", "errno": number})).stat(share)
    refused = FileWriteError if error is FileReadError else error
    with pytest.raises(refused):
        make(saying({"message": "no", "errno": number, "write": True})).write(
            share / "x", "", mode=0o600
        )


def saying(answer: dict[str, object]) -> tuple[str, ...]:
    """Return a program that gives this answer to every request."""
    script = f"{READY}while channel.recv(65536): channel.sendall(framed({answer!r}))"
    return (sys.executable, "-c", script)


def test_binary_content_is_written_unchanged(share: Path, make: Make) -> None:
    data = bytes(range(256)) * 4000
    make().write_bytes(share / "bundle", data, mode=0o600)
    assert (share / "bundle").read_bytes() == data
    assert (share / "bundle").stat().st_mode & 0o777 == 0o600
