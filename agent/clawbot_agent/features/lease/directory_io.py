"""The lease's directory on the share: one file for each generation, NNNNNN.

A file has two pages. The holder writes the first, its record; others write the second, the
bell: they ring to see whether the holder is alive, and whoever takes over says so there.

Runs in a child process (`servant`), because each of these calls may be held by the kernel.
What makes it safe is the server: it lets one client only create a file that must be new
(O_EXCL), and it refuses others a byte range that is locked, unless the mount has `nobrl`.
"""

import contextlib
import errno
import fcntl
import mmap
import os
import re
from pathlib import Path
from typing import Any, Final

__all__ = ["LeaseDirectory"]

Json = dict[str, Any]

_NAME: Final = re.compile(r"\d{6,}")
_PAGE: Final = 4096
# far beyond the data: a lock of the server keeps others from reading what it covers
_LOCKED_BYTE: Final = 1 << 40
_MODE: Final = 0o600
# what stands in the bell of a generation that is over; no ring looks like it
_TAKEN: Final = "taken over"
_MOST_FILES: Final = 1024


class LeaseDirectory:
    """Answers `look`, `take`, `beat` and `release`.

    Args:
        directory: of the generations; made when it is not there.
        images: directory of what else is numbered by generations.
        pattern: matches the names there; the first group is the number.
    """

    def __init__(self, directory: Path, *, images: Path, pattern: str) -> None:
        self._directory = directory
        self._images = images
        self._pattern = re.compile(pattern)
        self._file = -1
        # a page of its own: direct I/O wants its memory aligned
        self._page = mmap.mmap(-1, _PAGE)

    def __call__(self, question: Json) -> Json:
        """Answer one question.

        Raises:
            OSError: as the kernel says it.
        """
        verbs = {
            "look": self._look,
            "take": self._take,
            "beat": self._beat,
            "release": self._release,
        }
        return verbs[question["verb"]](question)

    def _look(self, question: Json) -> Json:
        if question.get("knock"):
            self._knock()
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        highest = max(self._generations(), default=0)
        if highest and question.get("ring"):
            self._write_bell(highest, question["ring"])
        text = self._text(highest) if highest else ""
        return {"generation": highest, "text": text, "image": self._newest_image()}

    def _knock(self) -> None:
        """Open the newest image once, in a process that nobody waits for.

        The server calls back the caching lease of whoever has it open, and waits some 35 s for
        one that is dead. A living holder hardly notices.
        """
        newest = max(self._images_by_number(), default=(0, ""))[1]
        if not newest or (middle := os.fork()):
            if newest:
                os.waitpid(middle, 0)
            return
        try:
            # twice, so that init reaps it
            if os.fork() == 0:
                # not the parent's pipes: it is to see when this one's parent ends
                os.closerange(3, _MOST_FILES)
                os.close(os.open(self._images / newest, os.O_RDONLY))
        finally:
            os._exit(0)

    def _take(self, question: Json) -> Json:
        """Create the generation's file; the server lets only one succeed."""
        self._close()
        path = self._path(question["generation"])
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC
        try:
            made = os.open(path, flags, _MODE)
        except FileExistsError:
            return {"taken": False}
        try:
            # both pages: a client asks the server only for what it knows the file to have
            os.write(made, question["text"].encode().ljust(2 * _PAGE, b"\0"))
            os.fsync(made)
        finally:
            os.close(made)
        self._open(path)
        older = [number for number in self._generations() if number < question["generation"]]
        for number in older:
            # who slept through all of it reads it before anything else
            self._write_bell(number, _TAKEN)
        for number in older:
            if number < question["generation"] - 1:
                with contextlib.suppress(OSError):
                    self._path(number).unlink()
        return {"taken": True}

    def _beat(self, question: Json) -> Json:
        """Listen; write the record if somebody rang since `bell`: a write is billed tenfold."""
        generation, text = question["generation"], question["text"]
        if self._file < 0 and not self._reopened(generation, text):
            return {"mine": False}
        try:
            bell = self._read(self._file, _PAGE)
            if bell not in (question["bell"], _TAKEN):
                self._write(text)
        except OSError:
            # the handle may be a dead one; the next beat opens the file anew
            self._close()
            raise
        return {"mine": bell != _TAKEN, "bell": bell}

    def _release(self, question: Json) -> Json:
        generation, text = question["generation"], question["text"]
        if self._file < 0 and not self._reopened(generation, text):
            return {"mine": False}
        self._write(text)
        os.fsync(self._file)
        self._close()
        return {"mine": True}

    def _reopened(self, generation: int, text: str) -> bool:
        """Open the file of a generation that is held; False when it is not the holder's."""
        found = self._text(generation, missing="")
        constant = text.partition('"beat"')[0]
        if not found.startswith(constant):
            return False
        self._open(self._path(generation))
        return True

    def _open(self, path: Path) -> None:
        """Open directly, so that a beat is one write to the server, and lock."""
        self._file = _opened(path, os.O_RDWR)
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _LOCKED_BYTE)
        except OSError:
            self._close()
            raise

    def _write(self, text: str, *, file: int | None = None, at: int = 0) -> None:
        self._page[:] = text.encode().ljust(_PAGE, b"\0")
        if os.pwrite(self._file if file is None else file, self._page, at) != _PAGE:
            raise OSError(errno.EIO, "the lease's file was written in part only")

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
        """Content of a generation's file, from the server, not from a cache."""
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
        # names only: not a question to the server for each
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
