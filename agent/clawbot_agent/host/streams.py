"""Where a run tells its story: a log file that is appended to, and the console."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TextIO

__all__ = ["appended", "read_lines", "write_console"]

_ROTATE_BYTES: Final = 4 * 1024 * 1024


@contextlib.contextmanager
def appended(path: Path) -> Iterator[TextIO]:
    """Open `path` for appending, mode 0640; a large one is first set aside as `.1`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > _ROTATE_BYTES:
            path.rename(path.with_name(f"{path.name}.1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        yield file


def read_lines(path: Path) -> list[str]:
    """All lines of a log, older part first; empty when there is none."""
    lines: list[str] = []
    for part in (path.with_name(f"{path.name}.1"), path):
        with contextlib.suppress(FileNotFoundError):
            lines += part.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines


def write_console(path: Path, line: str) -> None:
    """Best effort: a console that is absent, full or hung up must not stop a run."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(descriptor, line.encode() + b"\r\n")
        finally:
            os.close(descriptor)
