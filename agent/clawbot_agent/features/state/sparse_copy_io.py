"""Copy a large file with holes within one share: its data only, and on the server itself.

`cp` finds holes with SEEK_DATA, which fails on SMB against Samba (EIO), and then gives up.
FIEMAP asks the server the same in another way and works. This module is a program for
`host.isolation`, because a copy hangs while the share does not answer.
"""

import contextlib
import errno
import fcntl
import os
import struct
import time
from collections.abc import Iterator
from typing import Final

from clawbot_agent.host.isolated import serve

__all__ = ["copy"]

_LOCK_SECONDS: Final = 30.0
_CHUNK: Final = 16 * 1024**2
_BLOCK: Final = 64 * 1024
# linux/fiemap.h: struct fiemap, struct fiemap_extent, FS_IOC_FIEMAP and its flags
_HEAD: Final = struct.Struct("=QQLLLL")
_EXTENT: Final = struct.Struct("=QQQQQLLLL")
_FIEMAP: Final = 0xC020660B
_SYNC_FIRST: Final = 1
_LAST: Final = 1
_EXTENTS: Final = 512
# the kernel or the server does not support it, as opposed to a failure
_CANNOT: Final = frozenset(
    {errno.EOPNOTSUPP, errno.ENOTTY, errno.ENOSYS, errno.EINVAL, errno.EXDEV, errno.EIO}
)


def copy(source: str, target: str) -> int:
    """Copy `source` to a new file `target`, mode 0600; return the number of bytes copied.

    A shared lock on the source makes an SMB server refuse all writes to it meanwhile, also
    those of clients that do not use locks.

    Raises:
        OSError: reading, locking or writing failed; part of the target may exist.
    """
    copied = 0
    with contextlib.ExitStack() as files:
        taken = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        files.callback(os.close, taken)
        _lock(taken)
        size = os.fstat(taken).st_size
        made = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        files.callback(os.close, made)
        os.ftruncate(made, size)
        for start, end in _ranges(taken, size):
            _copy_range(taken, made, start, end)
            copied += end - start
        os.fsync(made)
    return copied


def _lock(file: int) -> None:
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(1)
        else:
            return


def _ranges(file: int, size: int) -> list[tuple[int, int]]:
    """Return where the data lies: the whole file when extents are not supported."""
    try:
        found = list(_extents(file, size))
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        return [(0, size)]
    ranges: list[tuple[int, int]] = []
    for start, end in sorted(found):
        # merge neighbors: each request costs a round trip
        if ranges and start <= ranges[-1][1] + _BLOCK:
            ranges[-1] = (ranges[-1][0], max(end, ranges[-1][1]))
        else:
            ranges.append((start, end))
    return [(start, min(end, size)) for start, end in ranges if start < size]


def _extents(file: int, size: int) -> Iterator[tuple[int, int]]:
    offset = 0
    while offset < size:
        question = _HEAD.pack(offset, size - offset, _SYNC_FIRST, 0, _EXTENTS, 0)
        buffer = bytearray(question + b"\0" * (_EXTENT.size * _EXTENTS))
        fcntl.ioctl(file, _FIEMAP, buffer)
        number = _HEAD.unpack_from(buffer)[3]
        flags, before = _LAST, offset
        for index in range(number):
            logical, _, length, _, _, flags, *_ = _EXTENT.unpack_from(
                buffer, _HEAD.size + index * _EXTENT.size
            )
            yield logical, logical + length
            offset = max(offset, logical + length)
        if flags & _LAST:
            return
        if offset <= before:
            raise OSError(errno.EIO, "the list of extents does not advance")


def _copy_range(source: int, target: int, start: int, end: int) -> None:
    while start < end:
        wanted = min(_CHUNK, end - start)
        try:
            done = os.copy_file_range(source, target, wanted, start, start)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
            done = 0
        start += done or _copied_here(source, target, start, wanted)


def _copied_here(source: int, target: int, start: int, wanted: int) -> int:
    """Read and write; blocks of zeros are skipped, because the target is new."""
    data = os.pread(source, wanted, start)
    if not data:
        raise OSError(errno.EIO, "the source is shorter than it was")
    for place in range(0, len(data), _BLOCK):
        block = data[place : place + _BLOCK]
        if block.strip(b"\0"):
            os.pwrite(target, block, start + place)
    return len(data)


if __name__ == "__main__":
    serve({"copy": copy})
