"""Numbers that keep benches apart on one host, and the host setting all of them share.

A number is claimed with a file below /run, so that benches of different checkouts, which know
nothing of each other, never take the same one.
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
# a directory that is always there: a lock file of our own would be a trace to leave or to race for
_LOCK: Final = Path("/run")


def claim(run_dir: Path) -> int:
    """Take a free number for the bench in `run_dir`, or the one it already has.

    Raises:
        BenchError: all numbers are taken.
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
    msg = f"{LIMIT} benches run already; see {REGISTRY}"
    raise BenchError(msg)


def of(run_dir: Path) -> int | None:
    """The number that the bench in `run_dir` holds, if any."""
    for entry in REGISTRY.glob("[0-9]*"):
        with suppress(FileNotFoundError):
            if entry.read_text().strip() == str(run_dir):
                return int(entry.name)
    return None


def enable_forwarding() -> None:
    """Let the host forward packets, remembering what was set before the first bench."""
    with locked(_LOCK):
        saved = REGISTRY / _SAVED
        if not saved.exists():
            saved.write_text(FORWARD.read_text())
        FORWARD.write_text("1\n")


def release(index: int) -> None:
    """Give the number back; the last bench to leave puts the forwarding setting back."""
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
