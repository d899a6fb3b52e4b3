"""Bench numbers, unique on a host, and the host setting that all benches share.

A number is claimed with a file below /run, so that benches of different checkouts never take the
same one.
"""

from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.bench.errors import BenchError
from tests.bench.state import locked

REGISTRY: Final = Path("/run/clawbot-bench")
LIMIT: Final = 64
FORWARD: Final = Path("/proc/sys/net/ipv4/ip_forward")
_SAVED: Final = "ip_forward"
# a directory that always exists: a lock file would have to be left behind or deleted in a race
_LOCK: Final = Path("/run")


def claim(run_dir: Path) -> int:
    """Claim a free number for the bench in `run_dir`, or return the one it already has.

    Raises:
        BenchError: all numbers are in use.
    """
    with locked(_LOCK):
        if (held := of(run_dir)) is not None:
            return held
        for index in range(LIMIT):
            if not (REGISTRY / str(index)).exists():
                REGISTRY.mkdir(exist_ok=True)
                partial = REGISTRY / ".claim"
                partial.write_text(f"{run_dir}\n")
                partial.rename(REGISTRY / str(index))
                return index
    msg = f"{LIMIT} benches already run; see {REGISTRY}"
    raise BenchError(msg)


def of(run_dir: Path) -> int | None:
    """Return the number of the bench in `run_dir`, if any."""
    for entry in REGISTRY.glob("[0-9]*"):
        with suppress(FileNotFoundError):
            if entry.read_text().strip() == str(run_dir):
                return int(entry.name)
    return None


def enable_forwarding() -> None:
    """Enable IP forwarding on the host and save the setting from before the first bench."""
    with locked(_LOCK):
        saved = REGISTRY / _SAVED
        if not saved.exists():
            saved.write_text(FORWARD.read_text())
        FORWARD.write_text("1\n")


def release(index: int) -> None:
    """Release the number; the last bench to do so restores the forwarding setting."""
    with locked(_LOCK):
        (REGISTRY / str(index)).unlink(missing_ok=True)
        if any(REGISTRY.glob("[0-9]*")):
            return
        saved = REGISTRY / _SAVED
        if saved.exists():
            FORWARD.write_text(saved.read_text())
            saved.unlink()
        (REGISTRY / ".claim").unlink(missing_ok=True)
        with suppress(OSError):
            REGISTRY.rmdir()
