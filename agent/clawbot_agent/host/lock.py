"""The lock that allows one run at a time on a machine."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from clawbot_agent.host.limit import Clock

# longer than 'status' takes to check for a run
_CHECK_SECONDS: Final = 0.2

__all__ = ["RunLockedError", "holder_of", "holder_pid", "run_lock"]


class RunLockedError(Exception):
    """Another run holds the lock; `holder` names its pid, start and command."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"another run is in progress: {holder}")
        self.holder = holder


@contextlib.contextmanager
def run_lock(path: Path, *, clock: Clock, command: str) -> Iterator[None]:
    """Hold the machine's run lock; the kernel releases it when the process ends.

    Raises:
        RunLockedError: another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _take(descriptor, path)
        os.ftruncate(descriptor, 0)
        started = clock.now().isoformat(timespec="seconds")
        text = json.dumps({"pid": os.getpid(), "started": started, "command": command})
        os.write(descriptor, text.encode())
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path) -> None:
    """Take the lock; retry, because `holder_of` holds it for a moment."""
    for last in (False, False, True):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if last:
                raise RunLockedError(_named(path)) from None
            time.sleep(_CHECK_SECONDS)
        else:
            return


def holder_of(path: Path) -> str | None:
    """Return a description of the current run; None when there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # shared: two readers must not mistake each other for a run
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _named(path)
    finally:
        os.close(descriptor)
    return None


def holder_pid(path: Path) -> int | None:
    """Return the pid of the current run; None without one, or before it is written."""
    if holder_of(path) is None:
        return None
    try:
        return int(json.loads(path.read_text())["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _named(path: Path) -> str:
    try:
        found = json.loads(path.read_text())
        return f"pid {found['pid']} since {found['started']} ({found['command']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that has not yet written its name"
