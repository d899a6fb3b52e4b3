"""Large files through a child process: whole, private, and with an end to every wait."""

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clawbot_agent.core.errors import DeadlineExceededError, InterruptedRunError
from clawbot_agent.host import docker_engine, guarded_files
from clawbot_agent.host.files import FileReadError, FileWriteError
from clawbot_agent.host.guarded_files import GuardedFiles
from clawbot_agent.host.isolation import Call, FileWorkerError, Isolation
from clawbot_agent.host.share_errors import ShareHungError
from tests.contract.host.conftest import Limits, MakeFiles

DATA = os.urandom(5 * 2**20 + 17)


@pytest.fixture
def files(guarded: MakeFiles, limits: Limits) -> GuardedFiles:
    return guarded(limits(60))


def test_content_arrives_complete_and_private(tmp_path: Path, files: GuardedFiles) -> None:
    path = tmp_path / "image"
    with files.writing(path) as file:
        for start in range(0, len(DATA), 300_001):
            file.write(DATA[start : start + 300_001])
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"".join(files.chunks(path)) == DATA


def test_absent_file_is_an_error(tmp_path: Path, files: GuardedFiles) -> None:
    with pytest.raises(FileReadError, match="none: No such file or directory"):
        list(files.chunks(tmp_path / "none"))


def test_refused_write_ends_with_the_systems_message(files: GuardedFiles) -> None:
    """Also when the channel takes the first bytes; an existing file is not replaced."""
    with (
        pytest.raises(FileWriteError, match="File exists"),
        files.writing(Path("/dev/full")) as file,
    ):
        file.write(DATA)


def test_absent_directory_is_an_error(tmp_path: Path, files: GuardedFiles) -> None:
    with (
        pytest.raises(FileWriteError, match="No such file or directory"),
        files.writing(tmp_path / "gone" / "x") as file,
    ):
        file.write(DATA)


def test_silent_file_ends_with_an_error(
    tmp_path: Path, files: GuardedFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A FIFO without a writer is as silent as a share without a server."""
    monkeypatch.setattr(guarded_files, "_SILENCE_SECONDS", 0.4)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    started = time.monotonic()
    with pytest.raises(ShareHungError, match="not a byte"):
        list(files.chunks(fifo))
    assert time.monotonic() - started < 12


def test_end_of_the_run_comes_first(
    tmp_path: Path, limits: Limits, guarded: MakeFiles, canceled: threading.Event
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(DeadlineExceededError):
        list(guarded(limits(0.5)).chunks(fifo))
    threading.Timer(0.3, canceled.set).start()
    with pytest.raises(InterruptedRunError):
        list(guarded(limits(60)).chunks(fifo))


class Engine:
    """As much of Docker's API as archives need."""

    def __init__(self, *parts: bytes, error: Exception | None = None) -> None:
        self.parts = parts
        self.error = error
        self.loaded = b""

    def get_image(self, _reference: str, chunk_size: int) -> Iterator[bytes]:
        """See docker.APIClient."""
        del chunk_size
        yield from self.parts
        if self.error is not None:
            raise self.error

    def load_image(self, chunks: Iterable[bytes], *, quiet: bool) -> Iterator[object]:
        """See docker.APIClient."""
        del quiet
        self.loaded = b"".join(chunks)
        return iter(())


def test_image_is_saved_and_loaded_again(tmp_path: Path, files: GuardedFiles) -> None:
    target = tmp_path / "openclaw-1.tar.zst"
    engine = Engine(DATA[:1000], DATA[1000:])
    docker_engine.save_image(engine, "a:1", target=target, files=files)  # type: ignore[arg-type]  # a stand-in
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    assert target.stat().st_mode & 0o777 == 0o600
    list(docker_engine.load_image(engine, source=target, files=files))  # type: ignore[arg-type]  # same
    assert engine.loaded == DATA


def test_failing_engine_leaves_no_file(tmp_path: Path, files: GuardedFiles) -> None:
    engine = Engine(DATA, error=ConnectionError("gone"))
    with pytest.raises(ConnectionError):
        docker_engine.save_image(engine, "a:1", target=tmp_path / "x", files=files)  # type: ignore[arg-type]  # same
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("end", [signal.SIGSTOP, signal.SIGKILL])
def test_child_that_cannot_clean_up_leaves_no_file(
    tmp_path: Path, files: GuardedFiles, monkeypatch: pytest.MonkeyPatch, end: signal.Signals
) -> None:
    """A child that hangs on the share is killed as well, in the middle of a file of gigabytes."""
    monkeypatch.setattr(guarded_files, "_SILENCE_SECONDS", 5.0)
    begin, calls = Isolation.begin, list[Call]()

    def begun(*given: Any, **named: Any) -> Call:  # noqa: ANN401 - passed on
        calls.append(begin(*given, **named))
        return calls[-1]

    class Frozen(Engine):
        def get_image(self, _reference: str, chunk_size: int) -> Iterator[bytes]:
            del chunk_size
            while not list(tmp_path.iterdir()):
                yield DATA
            monkeypatch.setattr(guarded_files, "_SILENCE_SECONDS", 0.4)
            os.kill(calls[0]._child.process.pid, end)  # noqa: SLF001 - the kernel does it
            for _ in range(20):
                yield DATA

    monkeypatch.setattr(Isolation, "begin", begun)
    with pytest.raises((ShareHungError, FileWorkerError)):
        docker_engine.save_image(Frozen(), "a:1", target=tmp_path / "x", files=files)  # type: ignore[arg-type]  # same
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "garbage"])
def test_damaged_archive_is_detected(tmp_path: Path, files: GuardedFiles, damage: str) -> None:
    from zstandard import ZstdError  # noqa: PLC0415 - as the product does

    target, engine = tmp_path / "x", Engine(DATA)
    docker_engine.save_image(engine, "a:1", target=target, files=files)  # type: ignore[arg-type]  # same
    data = target.read_bytes()
    target.write_bytes(data[: len(data) // 2] if damage == "cut" else b"garbage" * 100)
    with pytest.raises(ZstdError):
        list(docker_engine.load_image(engine, source=target, files=files))  # type: ignore[arg-type]  # same
