"""Large files through another process: a dead file server hangs that and not the agent.

As `guarded_files`, for content that is too much for one message. `cat` reads and `dd`
writes; a process that neither takes nor gives a byte for a while is killed and left.
"""

import contextlib
import os
import select
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from clawbot_agent.host.files import FileReadError, FileWriteError
from clawbot_agent.host.limit import Limit
from clawbot_agent.host.share_errors import ShareHungError

__all__ = ["PipedWriter", "piped_chunks", "piped_writer"]

_CHUNK: Final = 1024 * 1024
# a mounted share that comes back after a minute goes on where it stopped
_SILENCE_SECONDS: Final = 120.0
_POLL_SECONDS: Final = 0.25
_END_SECONDS: Final = 120.0
_KILL_SECONDS: Final = 2.0


def piped_chunks(source: Path, *, limit: Limit) -> Iterator[bytes]:
    """The content of `source`, in pieces.

    Raises:
        FileReadError: not there, not readable, or it ended with an error.
        ShareHungError: nothing came for two minutes.
    """
    with _child(("cat", "--", str(source)), stdout=subprocess.PIPE) as child:
        pipe = child.pipe(child.process.stdout)
        while True:
            _await(pipe, select.POLLIN, source, limit)
            part = os.read(pipe.fileno(), _CHUNK)
            if not part:
                break
            yield part
        if said := child.end(source, limit):
            msg = f"{source}: {said}"
            raise FileReadError(msg)


@dataclass(frozen=True, slots=True)
class PipedWriter:
    """Takes the content of a file; as much of a file object as compressors want."""

    pipe: IO[bytes]
    path: Path
    limit: Limit

    def write(self, data: bytes) -> int:
        """Pass `data` on.

        Raises:
            FileWriteError: the writing process is gone; it says why at the end.
            ShareHungError: nothing was taken for two minutes.
        """
        left = memoryview(data)
        while left:
            _await(self.pipe, select.POLLOUT, self.path, self.limit)
            try:
                left = left[os.write(self.pipe.fileno(), left) :]
            except BlockingIOError:
                continue
            except BrokenPipeError as error:
                msg = f"{self.path}: writing ended early"
                raise FileWriteError(msg) from error
        return len(data)

    def flush(self) -> None:
        """Nothing is held back here."""


@contextlib.contextmanager
def piped_writer(path: Path, *, limit: Limit) -> Iterator[PipedWriter]:
    """Write a new file, mode 0600; on disk when the block ends well.

    Raises:
        FileWriteError: with the system's own words; something of the file may be there.
        ShareHungError: nothing was taken for two minutes, or it was not on disk after them.
    """
    # without fullblock the share would get as many writes as the pipe gives pieces
    argv = ("dd", f"of={path}", "bs=1M", "iflag=fullblock", "conv=fsync,excl", "status=none")
    with _child(argv, stdin=subprocess.PIPE) as child:
        pipe = child.pipe(child.process.stdin)
        early: FileWriteError | None = None
        try:
            yield PipedWriter(pipe, path, limit)
        except FileWriteError as error:
            early = error
        pipe.close()
        if said := child.end(path, limit):
            msg = f"{path}: {said}"
            raise FileWriteError(msg) from early
        if early is not None:
            raise early


@dataclass(frozen=True, slots=True)
class _Child:
    """A process at work on a file, and where it writes its errors."""

    process: "subprocess.Popen[bytes]"
    said: IO[bytes]

    def pipe(self, end: IO[bytes] | None) -> IO[bytes]:
        """That end of its pipe, made to never wait."""
        assert end is not None  # noqa: S101 - the caller asked for it
        os.set_blocking(end.fileno(), False)
        return end

    def end(self, path: Path, limit: Limit) -> str:
        """Wait for its end; what it said when it failed, empty when it ended well."""
        patience = limit.narrowed(_END_SECONDS, label=str(path))
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self.process.wait(_POLL_SECONDS)
                return "" if code == 0 else self._words() or f"ended with status {code}"
            limit.check()
            if patience.remaining() <= 0:
                msg = f"{path}: not done after {_END_SECONDS:.0f} s"
                raise ShareHungError(msg)

    def _words(self) -> str:
        self.said.seek(0)
        # the program's name and the file's come first
        return self.said.read().decode(errors="replace").strip().rpartition(": ")[2]


@contextlib.contextmanager
def _child(
    argv: tuple[str, ...], *, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL
) -> Iterator[_Child]:
    with os.fdopen(os.memfd_create("clawbot-agent"), "w+b") as said:
        process = subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=stdout,
            stderr=said,
            bufsize=0,
            start_new_session=True,
            umask=0o077,
            cwd="/",
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        try:
            yield _Child(process, said)
        finally:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            if process.poll() is None:
                process.kill()
                # no longer: it may be stuck in the kernel
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_KILL_SECONDS)


def _await(pipe: IO[bytes], event: int, path: Path, limit: Limit) -> None:
    patience = limit.narrowed(_SILENCE_SECONDS, label=str(path))
    poll = select.poll()
    poll.register(pipe, event)
    while not poll.poll(1000 * min(_POLL_SECONDS, patience.remaining())):
        limit.check()
        if patience.remaining() <= 0:
            msg = f"{path}: not a byte for {_SILENCE_SECONDS:.0f} s"
            raise ShareHungError(msg)
