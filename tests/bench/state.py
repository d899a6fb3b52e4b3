"""The record of a running bench on disk, from which any later command can find or remove it."""

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Self

_START_TIME_FIELD: Final = 19  # of /proc/PID/stat, counted after the name in brackets


@dataclass(frozen=True, slots=True)
class Process:
    """A process, distinguished from a later one with the same pid by its start time.

    `started` is in clock ticks since boot, as in /proc/PID/stat (proc(5)).
    """

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Self:
        """Return the current process with this pid; `started` is -1 if there is none."""
        return cls(pid, start_time(pid))

    def alive(self) -> bool:
        """Return whether this process still runs (a zombie does not)."""
        return self.started >= 0 and start_time(self.pid) == self.started

    def send(self, number: int) -> None:
        """Send it a signal, unless it has exited."""
        if self.alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def stop(self, *, first: int = signal.SIGTERM, grace_seconds: float = 2.0) -> None:
        """Send the signal `first`, and SIGKILL if it still runs after the grace period."""
        self.send(first)
        if not self.wait(seconds=grace_seconds):
            self.send(signal.SIGKILL)
            self.wait(seconds=5.0)

    def wait(self, *, seconds: float) -> bool:
        """Wait for its exit; return whether it exited in time."""
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True


def start_time(pid: int) -> int:
    """Return its start time in clock ticks since boot; -1 if it has exited or is a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return -1
    # the name may contain spaces and brackets: split only what follows the last bracket
    fields = stat.rpartition(")")[2].split()
    return -1 if fields[0] in "ZX" else int(fields[_START_TIME_FIELD])


@dataclass(frozen=True, slots=True)
class State:
    """A bench's record; `ready` is set when `up` has completed."""

    index: int
    ready: bool = False
    processes: dict[str, Process] = field(default_factory=dict)

    def save(self, run_dir: Path) -> None:
        """Replace the record atomically: a killed command leaves the old or the new one."""
        partial = run_dir / "state.json.partial"
        partial.write_text(json.dumps(asdict(self), indent=2) + "\n")
        partial.replace(run_dir / "state.json")

    @classmethod
    def load(cls, run_dir: Path) -> "State | None":
        """Return the record in this directory, or None if no bench was started there."""
        try:
            raw = json.loads((run_dir / "state.json").read_text())
        except (FileNotFoundError, NotADirectoryError):
            return None
        processes = {name: Process(**process) for name, process in raw["processes"].items()}
        return cls(index=raw["index"], ready=raw["ready"], processes=processes)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a directory or on a file, which is created if missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDONLY if path.is_dir() else os.O_CREAT | os.O_RDWR
    handle = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
