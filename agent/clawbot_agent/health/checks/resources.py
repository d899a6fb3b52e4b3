"""Disk and memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from clawbot_agent.health.finding import Finding, State
from clawbot_agent.host import Host
from clawbot_agent.host.space import Space, space_of

__all__ = ["Disk", "Memory"]

_MEMORY: Final = Path("/proc/meminfo")
# of a small instance's 30 GB disk one rebuilt image takes some 3 GB
_DISK_WARNING: Final = 0.10
_DISK_FULL: Final = 0.02
_MEMORY_WARNING: Final = 0.08
_MEMORY_FULL: Final = 0.03
_GIGA: Final = 1e9


class Disk:
    """Room on the operating system's disk, which holds the container too."""

    def __init__(self, path: Path = Path("/"), space: Callable[[Path], Space] = space_of) -> None:
        """Look at the file system of `path`."""
        self._path = path
        self._space = space

    def __call__(self, host: Host) -> Finding:
        """Bytes and inodes: either can run out."""
        del host
        found = self._space(self._path)
        # some file systems do not count files
        parts = {
            "bytes": found.free_bytes / max(found.total_bytes, 1),
            "inodes": found.free_files / found.total_files if found.total_files else 1.0,
        }
        scarce = min(parts, key=lambda name: parts[name])
        reason = f"{found.free_bytes / _GIGA:.1f} GB and {parts['inodes']:.0%} of inodes free"
        figures = {"free_bytes": found.free_bytes, "total_bytes": found.total_bytes}
        return Finding(_level(parts[scarce], _DISK_WARNING, _DISK_FULL), reason, figures)


class Memory:
    """What the kernel could still give without swapping."""

    def __call__(self, host: Host) -> Finding:
        """Read /proc/meminfo (proc(5); values in KiB)."""
        lines = (line.split() for line in (host.files.read_text(_MEMORY) or "").splitlines())
        found = {words[0]: int(words[1]) * 1024 for words in lines if len(words) > 1}
        total, free = found.get("MemTotal:"), found.get("MemAvailable:")
        if not total or free is None:
            return Finding(State.UNKNOWN, f"{_MEMORY} does not say")
        state = _level(free / total, _MEMORY_WARNING, _MEMORY_FULL)
        reason = f"{free / _GIGA:.1f} of {total / _GIGA:.1f} GB available"
        return Finding(state, reason, {"available_bytes": free, "total_bytes": total})


def _level(share: float, warning: float, full: float) -> State:
    if share < full:
        return State.FAILED
    return State.WARNING if share < warning else State.OK
