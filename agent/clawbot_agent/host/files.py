"""Files: atomic writes that survive a power cut, appended logs, consoles and free space."""

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol, TextIO

from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause

__all__ = [
    "FileReadError",
    "FileStat",
    "FileWriteError",
    "Files",
    "Space",
    "SystemFiles",
    "appended",
    "read_lines",
    "space_of",
    "write_console",
]


class FileWriteError(ClawbotError):
    """The file system refuses a write: it is full, read-only, or access is denied."""

    code = "FILE_WRITE_FAILED"
    cause = FailureCause.INSTANCE
    hint = "check free space ('df -h', 'df -i') and that the file system is mounted read-write"


@dataclass(frozen=True, slots=True)
class FileStat:
    """The kind, owner and size of a file. `mode` is the permission bits only."""

    kind: Literal["file", "directory", "link", "socket", "other"]
    mode: int
    uid: int
    gid: int
    size: int
    modified: float


class FileReadError(ClawbotError):
    """A file or directory exists and cannot be read.

    Attributes:
        number: the kernel's errno; None when there is none.
    """

    code = "FILE_READ_FAILED"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = "see the system's error in the message; check the disk or share that holds the file"

    def __init__(self, message: str, *, number: int | None = None) -> None:
        """See the class."""
        super().__init__(message)
        self.number = number


class Files(Protocol):
    """The file system. Reads return None for what is absent."""

    def stat(self, path: Path) -> FileStat | None:
        """Return the facts about `path`, without following a link."""
        ...

    def read_text(self, path: Path) -> str | None:
        """Return the content as UTF-8 (undecodable bytes replaced)."""
        ...

    def list(self, path: Path) -> tuple[str, ...]:
        """Return the sorted names in a directory; empty when absent."""
        ...

    def write(self, path: Path, text: str, *, mode: int, uid: int = 0, gid: int = 0) -> None:
        """Replace `path` atomically: temp beside it, mode and owner, fsync, rename, fsync.

        Raises:
            FileWriteError: nothing changed.
        """
        ...

    def write_bytes(self, path: Path, data: bytes, *, mode: int) -> None:
        """Replace `path` as `write` does; root owns the file."""
        ...

    def mkdir(self, path: Path, *, mode: int, uid: int = 0, gid: int = 0) -> None:
        """Make a directory and its parents; set mode and owner of the last one."""
        ...

    def rename(self, source: Path, target: Path) -> None:
        """Move within one file system."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a file, or a directory with its content; nothing when absent."""
        ...


_KINDS: tuple[tuple[int, Literal["file", "directory", "link", "socket"]], ...] = (
    (stat.S_IFREG, "file"),
    (stat.S_IFDIR, "directory"),
    (stat.S_IFLNK, "link"),
    (stat.S_IFSOCK, "socket"),
)


class SystemFiles:
    """`Files` on this machine."""

    def stat(self, path: Path) -> FileStat | None:
        """See `Files`."""
        try:
            found = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        kinds = (name for bits, name in _KINDS if stat.S_IFMT(found.st_mode) == bits)
        return FileStat(
            kind=next(kinds, "other"),
            mode=stat.S_IMODE(found.st_mode),
            uid=found.st_uid,
            gid=found.st_gid,
            size=found.st_size,
            modified=found.st_mtime,
        )

    def read_text(self, path: Path) -> str | None:
        """See `Files`."""
        try:
            # not read_text: it would turn CRLF into LF, so that the text would seem to differ
            return path.read_bytes().decode("utf-8", errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return None

    def list(self, path: Path) -> tuple[str, ...]:
        """See `Files`."""
        try:
            return tuple(sorted(os.listdir(path)))  # noqa: PTH208 - names, not paths
        except (FileNotFoundError, NotADirectoryError):
            return ()

    def write(self, path: Path, text: str, *, mode: int, uid: int = 0, gid: int = 0) -> None:
        """See `Files`."""
        _put(path, text.encode(), mode=mode, uid=uid, gid=gid)

    def write_bytes(self, path: Path, data: bytes, *, mode: int) -> None:
        """See `Files`."""
        _put(path, data, mode=mode, uid=0, gid=0)

    def mkdir(self, path: Path, *, mode: int, uid: int = 0, gid: int = 0) -> None:
        """See `Files`."""
        try:
            path.mkdir(parents=True, exist_ok=True)
            os.chown(path, uid, gid)
            path.chmod(mode)
        except OSError as error:
            msg = f"{path}: {error.strerror or error}"
            raise FileWriteError(msg) from error

    def rename(self, source: Path, target: Path) -> None:
        """See `Files`."""
        try:
            source.rename(target)
            sync_directory(target.parent)
        except OSError as error:
            msg = f"{source} to {target}: {error.strerror or error}"
            raise FileWriteError(msg) from error

    def remove(self, path: Path) -> None:
        """See `Files`."""
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            msg = f"{path}: {error.strerror or error}"
            raise FileWriteError(msg) from error


def _put(path: Path, data: bytes, *, mode: int, uid: int, gid: int) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, data, mode=mode, uid=uid, gid=gid)
    except OSError as error:
        msg = f"{path}: {error.strerror or error}"
        raise FileWriteError(msg) from error


def _replace(path: Path, data: bytes, *, mode: int, uid: int, gid: int) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            # mkstemp made it 0600; owner before mode, so that no other user can read it in between
            os.fchown(file.fileno(), uid, gid)
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).rename(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make a rename in `path` durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Space:
    """Space and inodes that are available to users other than root."""

    total_bytes: int
    free_bytes: int
    total_files: int
    free_files: int


def space_of(path: Path) -> Space:
    """Return the space of the local file system of `path`; a share may never answer."""
    found = os.statvfs(path)
    return Space(
        total_bytes=found.f_blocks * found.f_frsize,
        free_bytes=found.f_bavail * found.f_frsize,
        total_files=found.f_files,
        free_files=found.f_favail,
    )


_ROTATE_BYTES: Final = 4 * 1024 * 1024


@contextlib.contextmanager
def appended(path: Path) -> Iterator[TextIO]:
    """Open `path` for appending, mode 0640; a log over 4 MiB is first renamed to `.1`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > _ROTATE_BYTES:
            path.rename(path.with_name(f"{path.name}.1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        yield file


def read_lines(path: Path) -> list[str]:
    """Return all lines of a log, the renamed part first; empty when absent."""
    lines: list[str] = []
    for part in (path.with_name(f"{path.name}.1"), path):
        with contextlib.suppress(FileNotFoundError):
            lines += part.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines


def write_console(path: Path, line: str) -> None:
    """Write a line to a console; one that is absent, full or disconnected is ignored."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(descriptor, line.encode() + b"\r\n")
        finally:
            os.close(descriptor)
