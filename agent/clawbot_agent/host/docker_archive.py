"""Images as compressed files: `docker save` and `docker load` through zstd, streamed."""

import contextlib
import secrets
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.host.commands import Completed, SystemRun
from clawbot_agent.host.files import FileWriteError
from clawbot_agent.host.limit import Limit
from clawbot_agent.host.piped_file import piped_chunks, piped_writer

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["load", "save"]

# level 3 halves an OpenClaw image at about 100 MB/s for each core; more gains little
_LEVEL: Final = 3
_CHUNK: Final = 1024 * 1024
_MOVE_SECONDS: Final = 60.0
_CLEAN_SECONDS: Final = 10.0


def save(api: "APIClient", reference: str, *, target: Path, limit: Limit) -> None:
    """Write the image to `target`, mode 0600; it appears only when it is whole.

    Raises:
        FileWriteError: no room, or read-only.
        ShareHungError: the share that it goes to does not answer.
        ClawbotError: as `Limit.check`.
    """
    from zstandard import ZstdCompressor  # noqa: PLC0415 - 20 ms that 'status' must not pay

    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    run = SystemRun(limit)
    try:
        packer = ZstdCompressor(level=_LEVEL, threads=-1)
        with (
            piped_writer(temporary, limit=limit) as file,
            packer.stream_writer(file, closefd=False) as out,  # type: ignore[arg-type]  # it only writes
        ):
            for chunk in api.get_image(reference, chunk_size=_CHUNK):
                limit.check()
                out.write(chunk)
        _require(run(("mv", "-fT", "--", str(temporary), str(target)), timeout=_MOVE_SECONDS))
        _require(run(("sync", "--", str(target.parent)), timeout=_MOVE_SECONDS))
    except BaseException:
        # with time of its own: the run's may be over
        deadline = limit.clock.monotonic() + _CLEAN_SECONDS
        own = replace(limit, deadline=deadline, cancelled=threading.Event())
        with contextlib.suppress(ClawbotError):
            SystemRun(own)(("rm", "-f", "--", str(temporary)), timeout=_CLEAN_SECONDS)
        raise


def _require(done: Completed) -> None:
    if not done.ok:
        msg = f"{done.argv[-1]}: {done.stderr.strip().rpartition(': ')[2]}"
        raise FileWriteError(msg)


def load(api: "APIClient", *, source: Path, limit: Limit) -> Iterator[dict[str, object]]:
    """Give the engine the image in `source`; yields its messages.

    Raises:
        zstandard.ZstdError: the file is damaged.
        FileReadError: it cannot be read.
        ShareHungError: the share that it is on does not answer.
        ClawbotError: as `Limit.check`.
    """
    from zstandard import ZstdDecompressor, ZstdError  # noqa: PLC0415 - see save

    def chunks() -> Iterator[bytes]:
        plain = ZstdDecompressor().decompressobj()
        for chunk in piped_chunks(source, limit=limit):
            limit.check()
            if part := plain.decompress(chunk):
                yield part
        if not plain.eof:
            msg = "it ends in the middle"
            raise ZstdError(msg)

    yield from api.load_image(chunks(), quiet=True)  # type: ignore[no-untyped-call]  # not in the stubs
