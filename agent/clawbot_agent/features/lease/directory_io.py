"""The lease's directory on the share: one file for each generation, NNNNNN.

A file has two pages. The holder writes its record into the first. Other instances write into
the second, the bell: they ring to see whether the holder is alive, and the next holder writes
"taken over" there.

Runs in a child process (`host.isolation`), because the kernel may block each of these calls.
The server makes it safe: it lets only one client create a file that must be new (O_EXCL), and
refuses other clients a locked byte range, unless the mount has `nobrl`.
"""

import contextlib
import errno
import fcntl
import mmap
import os
import re
import sys
from pathlib import Path
from typing import Any, Final

from clawbot_agent.host.isolated import serve

__all__ = ["LeaseDirectory", "main"]

Json = dict[str, Any]

_NAME: Final = re.compile(r"\d{6,}")
_PAGE: Final = 4096
# far beyond the data: other clients cannot read a range that the server has locked
_LOCKED_BYTE: Final = 1 << 40
_MODE: Final = 0o600
# the bell of a generation that is over; no ring has this text
_TAKEN: Final = "taken over"
_MOST_FILES: Final = 1024


class LeaseDirectory:
    """The operations `look`, `take`, `beat` and `release`; each raises OSError.

    Args:
        directory: holds the generations' files; created when absent.
        images: holds the data images, which are numbered by generation.
        pattern: matches an image's name; its first group is the number.
    """

    def __init__(self, directory: Path, *, images: Path, pattern: str) -> None:
        self._directory = directory
        self._images = images
        self._pattern = re.compile(pattern)
        self._file = -1
        # a page of its own: direct I/O wants its memory aligned
        self._page = mmap.mmap(-1, _PAGE)

    def look(self, *, ring: str = "", knock: bool = False) -> Json:
        """Return the newest generation, its record's text and the newest image's number.

        Args:
            ring: write this into the newest generation's bell.
            knock: open the newest image first.
        """
        if knock:
            self._knock()
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        highest = max(self._generations(), default=0)
        if highest and ring:
            self._write_bell(highest, ring)
        text = self._text(highest) if highest else ""
        return {"generation": highest, "text": text, "image": self._newest_image()}

    def _knock(self) -> None:
        """Open the newest image once, in a process that is not waited for.

        The server breaks the caching lease of the client that has it open, and waits about
        35 s for a dead client. A live holder hardly notices.
        """
        newest = max(self._images_by_number(), default=(0, ""))[1]
        if not newest or (middle := os.fork()):
            if newest:
                os.waitpid(middle, 0)
            return
        try:
            # twice, so that init reaps it
            if os.fork() == 0:
                # not the channel: the parent must see when the process of this module ends
                os.closerange(0, _MOST_FILES)
                os.close(os.open(self._images / newest, os.O_RDONLY))
        finally:
            os._exit(0)

    def take(self, *, generation: int, text: str) -> Json:
        """Create the generation's file; the server lets only one client succeed."""
        self._close()
        path = self._path(generation)
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC
        try:
            made = os.open(path, flags, _MODE)
        except FileExistsError:
            return {"taken": False}
        try:
            # both pages: a client reads from the server only up to the size that it knows
            os.write(made, text.encode().ljust(2 * _PAGE, b"\0"))
            os.fsync(made)
        finally:
            os.close(made)
        self._open(path)
        older = [number for number in self._generations() if number < generation]
        for number in older:
            # a holder that slept through several generations reads this first
            self._write_bell(number, _TAKEN)
        for number in older:
            if number < generation - 1:
                with contextlib.suppress(OSError):
                    self._path(number).unlink()
        return {"taken": True}

    def beat(self, *, generation: int, text: str, bell: str) -> Json:
        """Read the bell; write the record only after a new ring, since writes cost ten times more.

        Args:
            generation: the one that is held.
            text: its record.
            bell: the ring that was answered last.
        """
        if self._file < 0 and not self._reopened(generation, text):
            return {"mine": False}
        try:
            found = self._read(self._file, _PAGE)
            if found not in (bell, _TAKEN):
                self._write(text)
        except OSError:
            # the handle may be stale; the next heartbeat opens the file again
            self._close()
            raise
        return {"mine": found != _TAKEN, "bell": found}

    def release(self, *, generation: int, text: str) -> Json:
        """Write the record of a released lease and unlock the file."""
        if self._file < 0 and not self._reopened(generation, text):
            return {"mine": False}
        self._write(text)
        os.fsync(self._file)
        self._close()
        return {"mine": True}

    def _reopened(self, generation: int, text: str) -> bool:
        """Open the file of the held generation; False when it has another holder."""
        found = self._text(generation, missing="")
        constant = text.partition('"beat"')[0]
        if not found.startswith(constant):
            return False
        self._open(self._path(generation))
        return True

    def _open(self, path: Path) -> None:
        """Open with direct I/O, so that a heartbeat is one write to the server, and lock."""
        self._file = _opened(path, os.O_RDWR)
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _LOCKED_BYTE)
        except OSError:
            self._close()
            raise

    def _write(self, text: str, *, file: int | None = None, at: int = 0) -> None:
        self._page[:] = text.encode().ljust(_PAGE, b"\0")
        if os.pwrite(self._file if file is None else file, self._page, at) != _PAGE:
            raise OSError(errno.EIO, "the lease's file was written only in part")

    def _write_bell(self, generation: int, text: str) -> None:
        file = _opened(self._path(generation), os.O_RDWR)
        try:
            self._write(text, file=file, at=_PAGE)
        finally:
            os.close(file)

    def _read(self, file: int, at: int) -> str:
        count = os.preadv(file, [self._page], at)
        return self._page[:count].rstrip(b"\0").decode(errors="replace")

    def _text(self, generation: int, *, missing: str | None = None) -> str:
        """Return the content of a generation's file, from the server, not from a cache."""
        try:
            file = _opened(self._path(generation), os.O_RDONLY)
        except FileNotFoundError:
            if missing is None:
                raise
            return missing
        try:
            return self._read(file, 0)
        finally:
            os.close(file)

    def _generations(self) -> list[int]:
        # names only: no request to the server for each
        names = os.listdir(self._directory)  # noqa: PTH208
        return [int(name) for name in names if _NAME.fullmatch(name)]

    def _newest_image(self) -> int:
        return max(self._images_by_number(), default=(0, ""))[0]

    def _images_by_number(self) -> list[tuple[int, str]]:
        try:
            names = os.listdir(self._images)  # noqa: PTH208 - as above
        except FileNotFoundError:
            return []
        found = (self._pattern.fullmatch(name) for name in names)
        return [(int(match[1]), match[0]) for match in found if match]

    def _path(self, generation: int) -> Path:
        return self._directory / f"{generation:06d}"

    def _close(self) -> None:
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.close(self._file)
        self._file = -1


def _opened(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags | os.O_CLOEXEC | os.O_DIRECT)
    except OSError as error:
        # file systems in memory have no direct I/O, and need none
        if error.errno != errno.EINVAL:
            raise
        return os.open(path, flags | os.O_CLOEXEC)


def main() -> None:
    """Serve the operations on the directories that the command line names."""
    directory, images, pattern = sys.argv[1:]
    lease = LeaseDirectory(Path(directory), images=Path(images), pattern=pattern)
    serve({"look": lease.look, "take": lease.take, "beat": lease.beat, "release": lease.release})


if __name__ == "__main__":
    main()
