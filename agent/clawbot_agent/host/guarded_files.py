"""Files whose operations are made by a child process (`isolation`).

`GuardedFiles` are for paths on a share, whose server may be unreachable. `HostileFiles` are
for directories that a container can write.
"""

import errno
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.host.files import FileReadError, Files, FileStat, FileWriteError
from clawbot_agent.host.isolation import (
    Call,
    ChildEndedError,
    ChildHungError,
    Confinement,
    Distrust,
    FileWorkerError,
    Isolation,
    OperationError,
    Reply,
    UntrustedFileError,
)
from clawbot_agent.host.limit import Limit
from clawbot_agent.host.share_errors import ShareHungError, share_error

__all__ = [
    "GuardedFiles",
    "HostileEntry",
    "HostileFiles",
    "Isolated",
    "IsolatedCalls",
    "StreamWriter",
]

_READ_SECONDS: Final = 10.0
_WRITE_SECONDS: Final = 30.0
# a mounted share that answers again after a minute continues where it stopped
_SILENCE_SECONDS: Final = 120.0
_UNDO_SECONDS: Final = 10.0
_MOST_BYTES: Final = 16 * 1024**2
_MOST_ENTRIES: Final = 10_000
_MOST_REMOVED: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class GuardedFiles:
    """`Files` that go through a child process for paths at or below `prefixes`.

    Paths are compared as they are written: finding out what a link points to may hang.

    Raises (beside what `Files` raises):
        FileReadError: it exists and cannot be read.
        ShareHungError: no answer within 10 s for a read, 30 s for a write.
        ShareStaleError, ShareServerAwayError, ShareAccessLostError: by the kernel's errno.
        DeadlineExceededError, InterruptedRunError: the run's limit came first.
    """

    direct: Files
    prefixes: tuple[Path, ...]
    limit: Limit
    isolation: Isolation

    def stat(self, path: Path) -> FileStat | None:
        """See `Files`."""
        if not self._guards(path):
            return self.direct.stat(path)
        found = self._ask("stat", path, _READ_SECONDS)
        return None if found is None else FileStat(**found)

    def read_text(self, path: Path) -> str | None:
        """See `Files`."""
        if not self._guards(path):
            return self.direct.read_text(path)
        text: str | None = self._ask("read_text", path, _READ_SECONDS)
        return text

    def list(self, path: Path) -> tuple[str, ...]:
        """See `Files`."""
        if not self._guards(path):
            return self.direct.list(path)
        return tuple(self._ask("list", path, _READ_SECONDS))

    def write(self, path: Path, text: str, *, mode: int, uid: int = 0, gid: int = 0) -> None:
        """See `Files`."""
        if not self._guards(path):
            self.direct.write(path, text, mode=mode, uid=uid, gid=gid)
            return
        data = text.encode()
        self._ask("write", path, _WRITE_SECONDS, data=data, mode=mode, uid=uid, gid=gid)

    def write_bytes(self, path: Path, data: bytes, *, mode: int) -> None:
        """See `Files`."""
        if not self._guards(path):
            self.direct.write_bytes(path, data, mode=mode)
            return
        self._ask("write_bytes", path, _WRITE_SECONDS, data=data, mode=mode)

    def mkdir(self, path: Path, *, mode: int, uid: int = 0, gid: int = 0) -> None:
        """See `Files`."""
        if not self._guards(path):
            self.direct.mkdir(path, mode=mode, uid=uid, gid=gid)
            return
        self._ask("mkdir", path, _WRITE_SECONDS, mode=mode, uid=uid, gid=gid)

    def rename(self, source: Path, target: Path) -> None:
        """See `Files`."""
        if not (self._guards(source) or self._guards(target)):
            self.direct.rename(source, target)
            return
        given = {"source": str(source), "target": str(target)}
        self._request("rename", given, source, _WRITE_SECONDS)

    def remove(self, path: Path) -> None:
        """See `Files`."""
        if not self._guards(path):
            self.direct.remove(path)
            return
        self._ask("remove", path, _WRITE_SECONDS)

    def chunks(self, source: Path) -> Iterator[bytes]:
        """Yield the content of `source`, however large.

        Raises:
            FileReadError: absent, unreadable, or an error in the middle.
            ShareHungError: not a byte for two minutes.
        """
        self.limit.check()
        hung = f"{source}: not a byte for {_SILENCE_SECONDS:.0f} s"
        with _translated(hung, source, self.limit):
            call = self.isolation.begin("read_stream", {"path": str(source)})
            try:
                yield from call.parts(_SILENCE_SECONDS, self.limit)
            except GeneratorExit:
                call.abandon()
                raise

    @contextmanager
    def writing(self, path: Path) -> Iterator["StreamWriter"]:
        """Write a new file, mode 0600; it is on disk when the block ends without an error.

        A block that raises leaves no file behind, unless the share hangs.

        Raises:
            FileWriteError: with the system's message; an existing file is not replaced.
            ShareHungError: nothing was taken for two minutes, or it was not on disk after them.
        """
        self.limit.check()
        hung = f"{path}: not a byte for {_SILENCE_SECONDS:.0f} s"
        with _translated(hung, path, self.limit, is_write=True):
            call = self.isolation.begin("write_stream", {"path": str(path)}, stream=True)
            writer = StreamWriter(call, self.limit)
            try:
                yield writer
            except BaseException:
                call.abort(self.undoing().limit)
                raise
            call.finish(writer.patience())

    def undoing(self) -> "GuardedFiles":
        """Return the same files with 10 s of their own, to clean up after a deadline."""
        clock = self.limit.clock
        own = Limit(clock, clock.monotonic() + _UNDO_SECONDS, label="cleaning up")
        return replace(self, limit=own)

    def _guards(self, path: Path) -> bool:
        lexical = Path(os.path.normpath(path))
        return any(lexical.is_relative_to(prefix) for prefix in self.prefixes)

    def _ask(
        self,
        operation: str,
        path: Path,
        seconds: float,
        *,
        data: bytes | None = None,
        **given: object,
    ) -> Any:  # noqa: ANN401 - JSON
        return self._request(operation, {"path": str(path), **given}, path, seconds, data=data)

    def _request(
        self,
        operation: str,
        arguments: Mapping[str, object],
        subject: Path,
        seconds: float,
        *,
        data: bytes | None = None,
    ) -> Any:  # noqa: ANN401 - JSON
        self.limit.check()
        hung = f"{subject}: no answer to '{operation}' within {seconds:.0f} s"
        with _translated(hung, subject, self.limit):
            reply = self.isolation.call(
                operation, arguments, limit=self.limit, seconds=seconds, data=data
            )
        return reply.value


class Isolated(Protocol):
    """Runs one operation of a program in a child process of its own."""

    def __call__(
        self,
        program: tuple[str, ...],
        operation: str,
        arguments: Mapping[str, object],
        *,
        subject: Path,
        seconds: float,
    ) -> Any:  # noqa: ANN401 - JSON
        """Return what the operation returned.

        Args:
            program: command line, from `isolation.program`.
            operation: its name in the program's table.
            arguments: passed to it as keywords.
            subject: the path that error messages name.
            seconds: time for the operation, capped by the run's limit.

        Raises:
            FileReadError: the operation failed; `number` is its errno.
            ShareHungError: no answer in time.
            ClawbotError: as `GuardedFiles`.
        """
        ...


@dataclass(frozen=True, slots=True)
class IsolatedCalls:
    """`Isolated` on this machine."""

    limit: Limit

    def __call__(
        self,
        program: tuple[str, ...],
        operation: str,
        arguments: Mapping[str, object],
        *,
        subject: Path,
        seconds: float,
    ) -> Any:  # noqa: ANN401 - JSON
        """See `Isolated`."""
        self.limit.check()
        isolation = Isolation(program)
        hung = f"{subject}: no answer to '{operation}' within {seconds:.0f} s"
        try:
            with _translated(hung, subject, self.limit):
                return isolation.begin(operation, arguments).wait(self.limit, seconds).value
        finally:
            isolation.close()


@dataclass(frozen=True, slots=True)
class StreamWriter:
    """Takes the content of a file; as much of a file object as compressors need."""

    call: Call
    limit: Limit

    def write(self, data: bytes) -> int:
        """Pass `data` on; raises as `GuardedFiles.writing` says."""
        self.call.send(data, self.patience())
        return len(data)

    def flush(self) -> None:
        """Do nothing: nothing is held back here."""

    def patience(self) -> Limit:
        """Return the limit of one step."""
        return self.limit.narrowed(_SILENCE_SECONDS, label=self.limit.label)


@dataclass(frozen=True, slots=True)
class HostileEntry:
    """What is at a name beneath a hostile directory.

    Attributes:
        name: relative; any byte but NUL can occur in it, as `os.fsdecode` gives it.
        kind: file, directory, link, socket, fifo, device or other.
        mode: permission bits.
        links: number of names; more than one means that the file may lie outside as well.
        modified: seconds since the epoch.
    """

    name: str
    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    links: int
    modified: float


@dataclass(frozen=True, slots=True)
class HostileFiles:
    """Files beneath a directory that a container can write; nothing in it is trusted.

    Names are relative. A confined child with the owner's rights makes every operation but
    `chown`; it follows no link, uses regular files only and stays within its limits.

    Raises:
        UntrustedFileError: the file, name or directory must not be used.
        FileReadError, FileWriteError: the kernel refused; also errors of a share.
        FileWorkerError: the child did not start.
        DeadlineExceededError, InterruptedRunError: the run's limit came first.
    """

    root: Path
    limit: Limit
    owner: Isolation
    agent: Isolation
    seconds: float = _READ_SECONDS

    @classmethod
    def beneath(cls, root: Path, *, uid: int, gid: int, limit: Limit) -> "HostileFiles":
        """Return the files beneath `root`, whose parents are trusted, owned by `uid`."""
        return cls(
            root,
            limit,
            owner=Isolation(confinement=Confinement(root=str(root), uid=uid, gid=gid)),
            agent=Isolation(confinement=Confinement(root=str(root))),
        )

    def read(self, name: str, *, most: int = _MOST_BYTES) -> bytes | None:
        """Return the content of a regular file of at most `most` bytes; None when absent."""
        try:
            return self._ask("read", name, most=most).data
        except FileReadError as error:
            if error.number in {errno.ENOENT, errno.ENOTDIR}:
                return None
            raise

    def write(self, name: str, data: bytes, *, mode: int) -> None:
        """Replace a file atomically and durably; a link there is replaced, not followed."""
        self._ask("write", name, data=data, is_write=True, mode=mode)

    def stat(self, name: str) -> HostileEntry | None:
        """Return what is at `name`; None when absent."""
        found = self._ask("stat", name).value
        return None if found is None else HostileEntry(name=name, **found)

    def names(self, name: str = ".", *, most: int = _MOST_ENTRIES) -> tuple[str, ...]:
        """Return the sorted names in a directory of at most `most` entries."""
        return tuple(self._ask("names", name, most=most).value)

    def walk(self, name: str = ".", *, most: int = _MOST_ENTRIES) -> tuple[HostileEntry, ...]:
        """Return everything beneath a directory, names relative to it, parents first."""
        return tuple(HostileEntry(**one) for one in self._ask("walk", name, most=most).value)

    def mkdir(self, name: str, *, mode: int) -> None:
        """Make one directory, or set the mode of one that exists."""
        self._ask("mkdir", name, is_write=True, mode=mode)

    def rename(self, source: str, target: str) -> None:
        """Rename within the directory, replacing a file at `target`."""
        self._request("rename", {"source": source, "target": target}, source, is_write=True)

    def remove(self, name: str, *, most: int = _MOST_REMOVED) -> None:
        """Remove a file, a link, or a directory with all in it; nothing when absent."""
        self._ask("remove", name, is_write=True, most=most)

    def chown(self, name: str, *, uid: int, gid: int) -> None:
        """Set the owner of a directory, or of a regular file that has no second name."""
        arguments = {"name": name, "uid": uid, "gid": gid}
        self._request("chown", arguments, name, is_write=True, isolation=self.agent)

    def close(self) -> None:
        """End the children."""
        self.owner.close()
        self.agent.close()

    def _ask(
        self,
        operation: str,
        name: str,
        *,
        data: bytes | None = None,
        is_write: bool = False,
        **given: object,
    ) -> Reply:
        return self._request(operation, {"name": name, **given}, name, data=data, is_write=is_write)

    def _request(  # noqa: PLR0913 - all about one request
        self,
        operation: str,
        arguments: Mapping[str, object],
        name: str,
        *,
        data: bytes | None = None,
        is_write: bool = False,
        isolation: Isolation | None = None,
    ) -> Reply:
        # repr: a name may contain line ends and escapes
        subject = f"{self.root}: {name!r}"
        self.limit.check()
        try:
            return (isolation or self.owner).call(
                operation, arguments, limit=self.limit, seconds=self.seconds, data=data
            )
        except ChildHungError as error:
            self.limit.check()
            msg = f"{subject}: no answer to '{operation}' within {self.seconds:.0f} s"
            raise UntrustedFileError(msg, reason=Distrust.TIME) from error
        except ChildEndedError as error:
            raise _ended(subject, error) from error
        except OperationError as error:
            if error.reason is not None or error.number == errno.EFBIG:
                msg = f"{subject}: {error.text}"
                raise UntrustedFileError(msg, reason=error.reason or Distrust.SIZE) from error
            raise _file_error(Path(subject), error, is_write=is_write) from error


@contextmanager
def _translated(hung: str, path: Path, limit: Limit, *, is_write: bool = False) -> Iterator[None]:
    """Raise what the isolation raises as the errors that `GuardedFiles` names."""
    try:
        yield
    except ChildHungError as error:
        # the end of the run says nothing about the share
        limit.check()
        raise ShareHungError(hung) from error
    except ChildEndedError as error:
        msg = f"{path}: the process that worked on the file ended"
        raise FileWorkerError(msg) from error
    except OperationError as error:
        raise _file_error(path, error, is_write=is_write) from error


def _ended(subject: str, error: ChildEndedError) -> ClawbotError:
    if error.status == -signal.SIGXCPU:
        msg = f"{subject}: stopped after using up its CPU time"
        return UntrustedFileError(msg, reason=Distrust.TIME)
    if error.status is not None and error.status < 0:
        msg = f"{subject}: stopped by signal {-error.status}"
        return UntrustedFileError(msg, reason=Distrust.MEMORY)
    msg = f"{subject}: the process that worked on the file ended with status {error.status}"
    return FileWorkerError(msg)


def _file_error(path: Path, error: OperationError, *, is_write: bool) -> ClawbotError:
    number, text = error.number, error.text
    if found := share_error(path, number, os.strerror(number) if number else text):
        return found
    if error.is_write:
        return FileWriteError(text)
    msg = f"{path}: {text}"
    return FileWriteError(msg) if is_write else FileReadError(msg, number=number)
