"""Reading and writing files; writes are atomic and survive a power cut."""

import contextlib
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause

__all__ = ["FileReadError", "FileStat", "FileWriteError", "Files", "SystemFiles"]


class FileWriteError(ClawbotError):
    """The file system refused a write: full, read-only, or no rights."""

    code = "FILE_WRITE_FAILED"
    cause = FailureCause.INSTANCE
    hint = "check 'df -h', 'df -i' and that the file system is mounted read-write"


@dataclass(frozen=True, slots=True)
class FileStat:
    """What is at a path. `mode` is the permission bits only."""

    kind: Literal["file", "directory", "link", "socket", "other"]
    mode: int
    uid: int
    gid: int
    size: int
    modified: float


class FileReadError(ClawbotError):
    """A file or directory is there and cannot be read.

    Attributes:
        number: the kernel's errno; None when there is none.
    """

    code = "FILE_READ_FAILED"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = "the message ends with the system's own words; check the disk or share it is on"

    def __init__(self, message: str, *, number: int | None = None) -> None:
        """See the class."""
        super().__init__(message)
        self.number = number


class Files(Protocol):
    """The file system. Reads answer None for what is not there."""

    def stat(self, path: Path) -> FileStat | None:
        """What is at `path`, links not followed."""
        ...

    def read_text(self, path: Path) -> str | None:
        """Content as UTF-8 (undecodable bytes replaced)."""
        ...

    def list(self, path: Path) -> tuple[str, ...]:
        """Sorted names in a directory; empty when there is none."""
        ...

    def write(self, path: Path, text: str, *, mode: int, uid: int = 0, gid: int = 0) -> None:
        """Replace `path` atomically: temp beside it, mode and owner, fsync, rename, fsync.

        Raises:
            FileWriteError: nothing changed.
        """
        ...

    def write_bytes(self, path: Path, data: bytes, *, mode: int) -> None:
        """As `write`, for what is no text; the file is root's."""
        ...

    def mkdir(self, path: Path, *, mode: int, uid: int = 0, gid: int = 0) -> None:
        """Make a directory and its parents; sets mode and owner of the last one."""
        ...

    def rename(self, source: Path, target: Path) -> None:
        """Move within one file system."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a file, or a directory with all in it; nothing when absent."""
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
            # not read_text: it would turn CRLF into LF, and what was written would differ
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
            # mkstemp made it 0600; owner before mode, so that nobody reads it in between
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
    """Make a rename in `path` survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
