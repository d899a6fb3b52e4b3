"""Large files through a process: whole, private, and never waited for without end."""

import os
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from clawbot_agent.core.errors import DeadlineExceededError, InterruptedRunError
from clawbot_agent.host import docker_archive, piped_file
from clawbot_agent.host.files import FileReadError, FileWriteError
from clawbot_agent.host.piped_file import piped_chunks, piped_writer
from clawbot_agent.host.share_errors import ShareHungError
from tests.contract.host.conftest import Limits

DATA = os.urandom(5 * 2**20 + 17)


def test_content_goes_through_whole_and_private(tmp_path: Path, limits: Limits) -> None:
    path = tmp_path / "image"
    with piped_writer(path, limit=limits(60)) as file:
        for start in range(0, len(DATA), 300_001):
            file.write(DATA[start : start + 300_001])
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"".join(piped_chunks(path, limit=limits(60))) == DATA


def test_a_file_that_is_not_there(tmp_path: Path, limits: Limits) -> None:
    with pytest.raises(FileReadError, match="none: No such file or directory"):
        list(piped_chunks(tmp_path / "none", limit=limits(60)))


def test_no_room_is_told_in_the_systems_words(limits: Limits) -> None:
    """Although the pipe takes the first bytes; nothing is written over what is there."""
    with (
        pytest.raises(FileWriteError, match="File exists"),
        piped_writer(Path("/dev/full"), limit=limits(60)) as file,
    ):
        file.write(DATA)


def test_a_directory_that_is_gone(tmp_path: Path, limits: Limits) -> None:
    with (
        pytest.raises(FileWriteError, match="No such file or directory"),
        piped_writer(tmp_path / "gone" / "x", limit=limits(60)) as file,
    ):
        file.write(DATA)


def test_silence_ends(tmp_path: Path, limits: Limits, monkeypatch: pytest.MonkeyPatch) -> None:
    """A FIFO that nobody opens is as silent as a share whose server is gone."""
    monkeypatch.setattr(piped_file, "_SILENCE_SECONDS", 0.4)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    started = time.monotonic()
    with pytest.raises(ShareHungError, match="not a byte"):
        list(piped_chunks(fifo, limit=limits(60)))
    assert time.monotonic() - started < 3


def test_the_run_may_end_first(tmp_path: Path, limits: Limits, cancelled: threading.Event) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(DeadlineExceededError):
        list(piped_chunks(fifo, limit=limits(0.5)))
    threading.Timer(0.3, cancelled.set).start()
    with pytest.raises(InterruptedRunError):
        list(piped_chunks(fifo, limit=limits(60)))


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


def test_an_image_is_saved_and_loaded_again(tmp_path: Path, limits: Limits) -> None:
    target = tmp_path / "openclaw-1.tar.zst"
    engine = Engine(DATA[:1000], DATA[1000:])
    docker_archive.save(engine, "a:1", target=target, limit=limits(60))  # type: ignore[arg-type]  # a stand-in
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    assert target.stat().st_mode & 0o777 == 0o600
    list(docker_archive.load(engine, source=target, limit=limits(60)))  # type: ignore[arg-type]  # same
    assert engine.loaded == DATA


def test_an_engine_that_fails_leaves_no_file(tmp_path: Path, limits: Limits) -> None:
    engine = Engine(DATA, error=ConnectionError("gone"))
    with pytest.raises(ConnectionError):
        docker_archive.save(engine, "a:1", target=tmp_path / "x", limit=limits(60))  # type: ignore[arg-type]  # same
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "garbage"])
def test_a_damaged_archive_is_found_out(tmp_path: Path, limits: Limits, damage: str) -> None:
    from zstandard import ZstdError  # noqa: PLC0415 - as the product does

    target, engine = tmp_path / "x", Engine(DATA)
    docker_archive.save(engine, "a:1", target=target, limit=limits(60))  # type: ignore[arg-type]  # same
    data = target.read_bytes()
    target.write_bytes(data[: len(data) // 2] if damage == "cut" else b"garbage" * 100)
    with pytest.raises(ZstdError):
        list(docker_archive.load(engine, source=target, limit=limits(60)))  # type: ignore[arg-type]  # same
