"""Processes that outlive the command that starts them, each in a bench's control group."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.bench import machine
from tests.bench.state import Process, State

REPOSITORY: Final = Path(__file__).resolve().parents[2]
_POWEROFF_SECONDS: Final = 5.0


def group(index: int, part: str = "") -> str:
    """Return the control group of bench `index`, or a subgroup that can be cleared separately."""
    return f"clawbot-bench-{index}{'/' if part else ''}{part}"


def start(argv: Sequence[str], *, group: str, log: Path, restarts: bool = False) -> Process:
    """Start a program in a control group.

    Args:
        argv: the program and its arguments.
        group: from `group`.
        log: its output is appended to this file.
        restarts: start it again when its exit code requests that, as nspawn's does. The returned
            process is then the one that watches it.
    """
    mode = () if restarts else ("--exec",)
    launcher = (sys.executable, "-m", "tests.bench.launch", *mode, group)
    with log.open("ab") as output:
        started = subprocess.Popen(
            (*launcher, *argv),
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # later commands stop it by pid; without a return code this object would warn on deletion
    started.returncode = 0
    return Process.of(started.pid)


def stop_all(state: State) -> None:
    """Stop all processes of a bench: the machine by its power button, the others by signals."""
    for name, process in state.processes.items():
        if name.startswith("builder-") and process.alive():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if "machine" in state.processes:
        machine.stop(state.processes["machine"], grace_seconds=_POWEROFF_SECONDS)
    for process in state.processes.values():
        process.stop()
