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
    """The control group of bench number `index`, or a part of it that can be cleared alone."""
    return f"clawbot-bench-{index}{'/' if part else ''}{part}"


def start(argv: Sequence[str], *, group: str, log: Path, restarts: bool = False) -> Process:
    """Start a program in a control group.

    Args:
        argv: the program and its arguments.
        group: from `group`.
        log: what it prints is appended here.
        restarts: start it again whenever it asks for that by its exit code, as nspawn does. The
            process returned is then the one that watches.
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
    # it is ended by pid and not by this object, which would complain when it is collected
    started.returncode = 0
    return Process.of(started.pid)


def stop_all(state: State) -> None:
    """End what a bench's record names: the machine by its power button, the others by signals."""
    for name, process in state.processes.items():
        if name.startswith("builder-") and process.alive():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if "machine" in state.processes:
        machine.stop(state.processes["machine"], grace_seconds=_POWEROFF_SECONDS)
    for process in state.processes.values():
        process.stop()
