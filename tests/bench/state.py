"""What a running bench consists of, on disk, so that any later command can find or undo it."""

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
    """A process, told apart from a later one with the same number by when it started.

    `started` is in clock ticks since boot, as in /proc/PID/stat (proc(5)).
    """

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Self:
        """The process that has this number now; `started` is -1 when there is none."""
        return cls(pid, start_time(pid))

    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        return self.started >= 0 and start_time(self.pid) == self.started

    def send(self, number: int) -> None:
        """Send it a signal, unless it is gone."""
        if self.alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def stop(self, *, first: int = signal.SIGTERM, grace_seconds: float = 2.0) -> None:
        """Ask it to end with the signal `first`; after the grace, kill it."""
        self.send(first)
        if not self.wait(seconds=grace_seconds):
            self.send(signal.SIGKILL)
            self.wait(seconds=5.0)

    def wait(self, *, seconds: float) -> bool:
        """Wait for its end; true when it ended in time."""
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True


def start_time(pid: int) -> int:
    """Clock ticks since boot at which the process started; -1 when it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return -1
    # the name may hold spaces and brackets: only what follows the last bracket can be split
    fields = stat.rpartition(")")[2].split()
    return -1 if fields[0] in "ZX" else int(fields[_START_TIME_FIELD])


@dataclass(frozen=True, slots=True)
class State:
    """One bench's record; `ready` is set when `up` has come to its end."""

    index: int
    ready: bool = False
    processes: dict[str, Process] = field(default_factory=dict)

    def save(self, run_dir: Path) -> None:
        """Replace the record in one step, so that a killed command leaves the old or the new."""
        partial = run_dir / "state.json.partial"
        partial.write_text(json.dumps(asdict(self), indent=2) + "\n")
        partial.replace(run_dir / "state.json")

    @classmethod
    def load(cls, run_dir: Path) -> "State | None":
        """The record in this directory; none when no bench was started there."""
        try:
            raw = json.loads((run_dir / "state.json").read_text())
        except (FileNotFoundError, NotADirectoryError):
            return None
        processes = {name: Process(**process) for name, process in raw["processes"].items()}
        return cls(index=raw["index"], ready=raw["ready"], processes=processes)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock on a file (made when missing) or on a directory; others wait here."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDONLY if path.is_dir() else os.O_CREAT | os.O_RDWR
    handle = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
