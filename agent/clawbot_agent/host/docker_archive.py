"""Images as compressed files: `docker save` and `docker load` through zstd, streamed."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from clawbot_agent.host.files import FileWriteError, sync_directory
from clawbot_agent.host.limit import Limit

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["load", "save"]

# level 3 halves an OpenClaw image at about 100 MB/s for each core; more gains little
_LEVEL: Final = 3
_CHUNK: Final = 1024 * 1024


def save(api: "APIClient", reference: str, *, target: Path, limit: Limit) -> None:
    """Write the image to `target`, mode 0600; it appears only when it is whole.

    Raises:
        FileWriteError: no room, or read-only.
        ClawbotError: as `Limit.check`.
    """
    from zstandard import ZstdCompressor  # noqa: PLC0415 - 20 ms that 'status' must not pay

    try:
        with _replacing(target) as file:
            with ZstdCompressor(level=_LEVEL, threads=-1).stream_writer(file, closefd=False) as out:
                for chunk in api.get_image(reference, chunk_size=_CHUNK):
                    limit.check()
                    out.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        # what requests raises is an OSError too, without a number
        if error.errno is None:
            raise
        msg = f"{target}: {error.strerror}"
        raise FileWriteError(msg) from error


def load(api: "APIClient", *, source: Path, limit: Limit) -> Iterator[dict[str, object]]:
    """Give the engine the image in `source`; yields its messages.

    Raises:
        zstandard.ZstdError: the file is damaged.
        ClawbotError: as `Limit.check`.
    """
    from zstandard import ZstdDecompressor  # noqa: PLC0415 - see save

    def chunks() -> Iterator[bytes]:
        with source.open("rb") as file:
            for chunk in ZstdDecompressor().read_to_iter(file, read_size=_CHUNK):
                limit.check()
                yield chunk

    yield from api.load_image(chunks(), quiet=True)  # type: ignore[no-untyped-call]  # not in the stubs


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[IO[bytes]]:
    """A file beside `target` that takes its place at the end, or is gone."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        temporary.rename(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(target.parent)
