"""File operations strictly beneath a directory whose content is hostile.

Every name is resolved beneath an open directory, without following a link of any kind, and
only regular files are read or written. Names are relative, as `os.fsdecode` gives them, so
that any byte can occur in them. The functions run in a confined child (`isolated`).
"""

import errno
import os
import secrets
import stat
import struct
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any, Final

__all__ = ["Distrust", "DistrustedError", "Root"]

_SYS_OPENAT2: Final = 437
"""The same number on every architecture (Linux 5.6)."""
# linux/openat2.h: struct open_how (flags, mode, resolve)
_OPEN_HOW: Final = struct.Struct("=QQQ")
# linux/openat2.h: RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH
_RESOLVE: Final = 0x02 | 0x04 | 0x08
_DIRECTORY: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK: Final = 1 << 20
_READ_ATTEMPTS: Final = 5
# longer than a tick of the slowest kernel clock (CONFIG_HZ=100)
_TICK_SECONDS: Final = 0.02
_MOST_DEPTH: Final = 64
_KINDS: Final = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFSOCK: "socket",
    stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


class Distrust(StrEnum):
    """Why a hostile file was not used."""

    LINK = "link"
    """The name is, or leads through, a link."""
    HARD_LINK = "hard-link"
    """The file has a second name, which may lie outside the directory."""
    KIND = "kind"
    """A FIFO, socket, device or directory where a regular file is expected, or the reverse."""
    NAME = "name"
    """The name is absolute, empty, or contains '..'."""
    SIZE = "size"
    """Larger than the limit."""
    COUNT = "count"
    """More entries than the limit."""
    DEPTH = "depth"
    """Directories nested deeper than the limit."""
    CHANGED = "changed"
    """The file changed each time while it was read."""
    MEMORY = "memory"
    """The child reached its memory limit."""
    TIME = "time"
    """The child used up its CPU time, or gave no answer in time."""


class DistrustedError(Exception):
    """A file, name or directory that must not be used; `reason` is its kind."""

    def __init__(self, reason: Distrust, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Root:
    """An open directory; every method takes names relative to it.

    Methods raise `DistrustedError` for what must not be used, and OSError otherwise.
    """

    def __init__(self, path: str) -> None:
        """Open `path`, whose parents are trusted; the last component is no link.

        Raises:
            OSError: the directory is absent, or not a directory.
        """
        self._fd = os.open(path, _DIRECTORY)
        self._openat2 = True

    def close(self) -> None:
        """Close the directory."""
        os.close(self._fd)

    def read(self, name: str, *, most: int) -> bytes:
        """Return the content of a regular file of at most `most` bytes."""
        for _ in range(_READ_ATTEMPTS):
            with self._regular(name, os.O_RDONLY) as file:
                before = os.fstat(file)
                if before.st_size > most:
                    msg = f"{before.st_size} bytes, more than {most}"
                    raise DistrustedError(Distrust.SIZE, msg)
                data = _content(file, most + 1)
                after = os.fstat(file)
            # a write within the same tick of the kernel's clock leaves the times as they are
            settled = time.time() - after.st_ctime > _TICK_SECONDS
            if settled and _version(before) == _version(after) and len(data) == before.st_size:
                return data
            time.sleep(_TICK_SECONDS)
        msg = f"changed during each of {_READ_ATTEMPTS} reads"
        raise DistrustedError(Distrust.CHANGED, msg)

    def write(self, name: str, data: bytes, *, mode: int) -> None:
        """Replace a regular file atomically and durably; what it replaces is never opened."""
        with self._parent(name) as (parent, last):
            # rename(2) replaces a link itself; only a file or a link is replaced
            with suppress(FileNotFoundError):
                found = os.stat(last, dir_fd=parent, follow_symlinks=False)
                if not (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)):
                    raise _wrong_kind(found.st_mode)
            draft = f".clawbot-{secrets.token_hex(8)}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            file = os.open(draft, flags, 0o600, dir_fd=parent)
            try:
                try:
                    _write_all(file, data)
                    os.fchmod(file, mode)
                    os.fsync(file)
                finally:
                    os.close(file)
                os.rename(draft, last, src_dir_fd=parent, dst_dir_fd=parent)
            except BaseException:
                with suppress(OSError):
                    os.unlink(draft, dir_fd=parent)
                raise
            _sync(parent)

    def stat(self, name: str) -> dict[str, Any] | None:
        """Return kind, mode, owner, size, links and modification time; None when absent."""
        with suppress(FileNotFoundError, NotADirectoryError), self._parent(name) as (parent, last):
            return _facts(os.stat(last, dir_fd=parent, follow_symlinks=False))
        return None

    def names(self, name: str, *, most: int) -> list[str]:
        """Return the sorted names in a directory of at most `most` entries."""
        with self._directory(name) as directory:
            return sorted(_names(directory, most))

    def walk(self, name: str, *, most: int, depth: int = _MOST_DEPTH) -> list[dict[str, Any]]:
        """Return the facts of everything beneath a directory, each with its relative `name`."""
        found: list[dict[str, Any]] = []
        ahead = deque([(name, "", 0)])
        while ahead:
            where, prefix, level = ahead.popleft()
            if level > depth:
                raise DistrustedError(Distrust.DEPTH, f"directories more than {depth} levels deep")
            with self._directory(where) as directory:
                for entry in sorted(_names(directory, most - len(found))):
                    # what another process removed meanwhile is not there
                    with suppress(FileNotFoundError):
                        facts = _facts(os.stat(entry, dir_fd=directory, follow_symlinks=False))
                        found.append({"name": f"{prefix}{entry}", **facts})
                        if facts["kind"] == "directory":
                            ahead.append((f"{where}/{entry}", f"{prefix}{entry}/", level + 1))
        return found

    def mkdir(self, name: str, *, mode: int) -> None:
        """Make one directory; one that exists keeps its content and gets `mode`."""
        with self._parent(name) as (parent, last):
            with suppress(FileExistsError):
                os.mkdir(last, mode, dir_fd=parent)
            with self._at(parent, last, os.O_RDONLY | os.O_DIRECTORY) as made:
                os.fchmod(made, mode)

    def rename(self, source: str, target: str) -> None:
        """Rename within the directory; replaces a file at `target`."""
        with self._parent(source) as (one, old), self._parent(target) as (other, new):
            os.rename(old, new, src_dir_fd=one, dst_dir_fd=other)
            _sync(other)

    def remove(self, name: str, *, most: int) -> None:
        """Remove a file, a link or a directory of at most `most` entries, of any depth."""
        with self._parent(name) as (parent, last), suppress(FileNotFoundError):
            if not stat.S_ISDIR(os.stat(last, dir_fd=parent, follow_symlinks=False).st_mode):
                os.unlink(last, dir_fd=parent)
                return
            self._remove_tree(parent, last, most)

    def chown(self, name: str, *, uid: int, gid: int) -> None:
        """Set the owner of a regular file with one name, or of a directory."""
        with self._opened(name, os.O_PATH | os.O_NOFOLLOW) as file:
            found = os.fstat(file)
            if not stat.S_ISDIR(found.st_mode):
                _require_regular(found)
            # O_PATH allows no fchown; the kernel's link to it names the same inode
            os.chown(f"/proc/self/fd/{file}", uid, gid)

    @contextmanager
    def _regular(self, name: str, flags: int) -> Iterator[int]:
        """Open a regular file with one name, without any effect of opening something else."""
        with self._opened(name, os.O_PATH | os.O_NOFOLLOW) as seen:
            _require_regular(os.fstat(seen))
            file = os.open(f"/proc/self/fd/{seen}", flags | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            yield file
        finally:
            os.close(file)

    @contextmanager
    def _directory(self, name: str) -> Iterator[int]:
        try:
            with self._opened(name, os.O_RDONLY | os.O_DIRECTORY) as directory:
                yield directory
        except NotADirectoryError as error:
            raise DistrustedError(Distrust.KIND, "not a directory") from error

    @contextmanager
    def _parent(self, name: str) -> Iterator[tuple[int, str]]:
        """Open the directory that holds `name`; yields it and the last component."""
        parts = _parts(name)
        if not parts:
            raise DistrustedError(Distrust.NAME, "the directory itself")
        with self._opened("/".join(parts[:-1]), _DIRECTORY) as directory:
            yield directory, parts[-1]

    @contextmanager
    def _opened(self, name: str, flags: int) -> Iterator[int]:
        with self._at(self._fd, "/".join(_parts(name)) or ".", flags) as file:
            yield file

    @contextmanager
    def _at(self, directory: int, name: str, flags: int) -> Iterator[int]:
        try:
            file = self._open(directory, name, flags | os.O_CLOEXEC)
        except OSError as error:
            # openat2(2): ELOOP for a link, EXDEV for leaving the directory
            if error.errno in {errno.ELOOP, errno.EXDEV}:
                raise DistrustedError(Distrust.LINK, "a link") from error
            if error.errno == errno.ENOTDIR and self._is_link(directory, name):
                raise DistrustedError(Distrust.LINK, "a link") from error
            raise
        try:
            if stat.S_ISLNK(os.fstat(file).st_mode):
                raise DistrustedError(Distrust.LINK, "a link")
            yield file
        finally:
            os.close(file)

    def _open(self, directory: int, name: str, flags: int) -> int:
        if self._openat2:
            try:
                return _openat2(directory, name, flags)
            except OSError as error:
                # a kernel before 5.6, or a system call filter that predates openat2
                if error.errno not in {errno.ENOSYS, errno.EPERM}:
                    raise
                self._openat2 = False
        return _walk_open(directory, name, flags)

    def _is_link(self, directory: int, name: str) -> bool:
        """Return whether a component is a link: O_DIRECTORY|O_NOFOLLOW says ENOTDIR of one."""
        parts = name.split("/")
        for count in range(1, len(parts) + 1):
            try:
                found = os.stat("/".join(parts[:count]), dir_fd=directory, follow_symlinks=False)
            except OSError:
                return False
            if stat.S_ISLNK(found.st_mode):
                return True
        return False

    def _remove_tree(self, parent: int, last: str, most: int) -> None:
        """Remove a directory of any depth without recursion.

        Each subdirectory is moved up into `last` before its own parent is removed. A removal
        that stops half-way leaves everything beneath `last`, for the next one.
        """
        self._unlock(parent, last)
        with self._at(parent, last, os.O_RDONLY | os.O_DIRECTORY) as top:
            ahead, count = deque(["."]), 0
            while ahead:
                doomed = ahead.popleft()
                with self._at(top, doomed, os.O_RDONLY | os.O_DIRECTORY) as directory:
                    for entry in _names(directory, most - count):
                        count += 1
                        if not _is_directory(directory, entry):
                            with suppress(FileNotFoundError):
                                os.unlink(entry, dir_fd=directory)
                            continue
                        self._unlock(directory, entry)
                        moved = entry
                        if doomed != ".":
                            moved = f".clawbot-{secrets.token_hex(8)}"
                            os.rename(entry, moved, src_dir_fd=directory, dst_dir_fd=top)
                        ahead.append(moved)
                if doomed != ".":
                    os.rmdir(doomed, dir_fd=top)
        os.rmdir(last, dir_fd=parent)

    def _unlock(self, directory: int, entry: str) -> None:
        """Give a directory the permissions that moving and emptying it needs."""
        with self._at(directory, entry, _DIRECTORY) as child, suppress(PermissionError):
            Path(f"/proc/self/fd/{child}").chmod(0o700)


def _openat2(directory: int, name: str, flags: int) -> int:
    # its import may fail under MemoryDenyWriteExecute=, where trusted files need no ctypes
    import ctypes  # noqa: PLC0415 - see above

    how = _OPEN_HOW.pack(flags, 0, _RESOLVE)
    found: int = ctypes.CDLL(None, use_errno=True).syscall(
        ctypes.c_long(_SYS_OPENAT2),
        ctypes.c_int(directory),
        ctypes.c_char_p(os.fsencode(name)),
        ctypes.c_char_p(how),
        ctypes.c_size_t(len(how)),
    )
    if found < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return found


def _walk_open(directory: int, name: str, flags: int) -> int:
    """Open `name` one component at a time; for kernels without openat2."""
    parts = [part for part in name.split("/") if part != "."] or ["."]
    here = os.dup(directory)
    try:
        for part in parts[:-1]:
            ahead = os.open(part, _DIRECTORY, dir_fd=here)
            os.close(here)
            here = ahead
        return os.open(parts[-1], flags | os.O_NOFOLLOW, dir_fd=here)
    finally:
        os.close(here)


def _parts(name: str) -> list[str]:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise DistrustedError(Distrust.NAME, "an absolute name, or one with '..'")
    return list(path.parts)


def _names(directory: int, most: int) -> list[str]:
    """Return at most `most` names; os.listdir would first read all of them into memory."""
    names: list[str] = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if len(names) >= most:
                raise DistrustedError(Distrust.COUNT, "too many entries")
            names.append(entry.name)
    return names


def _is_directory(directory: int, entry: str) -> bool:
    try:
        found = os.stat(entry, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode)


def _require_regular(found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise DistrustedError(Distrust.LINK, "a link")
    if not stat.S_ISREG(found.st_mode):
        raise _wrong_kind(found.st_mode)
    if found.st_nlink != 1:
        raise DistrustedError(Distrust.HARD_LINK, f"{found.st_nlink} names for one file")


def _wrong_kind(mode: int) -> DistrustedError:
    kind = _KINDS.get(stat.S_IFMT(mode), "other")
    return DistrustedError(Distrust.KIND, f"a {kind}, not a regular file")


def _facts(found: os.stat_result) -> dict[str, Any]:
    return {
        "kind": _KINDS.get(stat.S_IFMT(found.st_mode), "other"),
        "mode": stat.S_IMODE(found.st_mode),
        "uid": found.st_uid,
        "gid": found.st_gid,
        "size": found.st_size,
        "links": found.st_nlink,
        "modified": found.st_mtime,
    }


def _version(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _content(file: int, most: int) -> bytes:
    data = bytearray()
    while len(data) < most and (part := os.read(file, min(_CHUNK, most - len(data)))):
        data += part
    return bytes(data)


def _write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def _sync(directory: int) -> None:
    """Make a rename durable; an O_PATH descriptor cannot be synced itself."""
    file = os.open(f"/proc/self/fd/{directory}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
