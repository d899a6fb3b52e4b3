"""Put this process into control groups of its own, then run the given program to its end.

Run as `python3 -m tests.bench.launch [--exec] GROUP PROGRAM ARGUMENT…`; with --exec the program
takes this process's place. A systemd inside must not share a group with another one: each would end
what it does not know.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

_FORCE_RESTART: Final = 133  # what nspawn exits with for a service manager to start it again


def hierarchies() -> list[Path]:
    """Mount points of the version 1 hierarchies and of version 2, wherever they are writable."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return [Path(fields[1]) for fields in mounts if fields[2] in {"cgroup", "cgroup2"}]


def join(group: str) -> None:
    """Make the group in every hierarchy and move this process there."""
    for mount in hierarchies():
        path = mount / group
        path.mkdir(parents=True, exist_ok=True)
        for name in ("cpuset.mems", "cpuset.cpus"):
            # a new group of the version 1 cpuset controller takes no process until these are set
            if (path / name).exists() and not (path / name).read_text().strip():
                (path / name).write_text((mount / name).read_text())
        (path / "cgroup.procs").write_text(f"{os.getpid()}\n")


def members(group: str) -> set[int]:
    """Every process in the group and in the groups below it."""
    pids: set[int] = set()
    for mount in hierarchies():
        for path in (mount / group).rglob("cgroup.procs"):
            with suppress(OSError):
                pids |= {int(pid) for pid in path.read_text().split()}
    return pids


def clear(group: str, *, seconds: float = 10.0) -> None:
    """Kill what is left in the group and remove it, also when it is only half there."""
    deadline = time.monotonic() + seconds
    while (pids := members(group)) and time.monotonic() < deadline:
        # all are stopped before the first is killed: without user-mode Linux, whose programs these
        # may be, the next system call of one of them would be the host's
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        time.sleep(0.05)
    for mount in hierarchies():
        below = sorted((mount / group).rglob("*/"), reverse=True)
        for path in (*below, mount / group):
            with suppress(OSError):
                path.rmdir()


def keep(argv: Sequence[str]) -> int:
    """Run it, again whenever it asks for that: nspawn does when the machine inside reboots."""
    while (code := subprocess.call(("setpriv", "--pdeathsig", "KILL", *argv))) == _FORCE_RESTART:
        pass
    return code


def main(words: list[str]) -> int:
    """Join the group and run the program; returns its exit code."""
    replace = words[0] == "--exec"
    group, *argv = words[replace:]
    join(group)
    if replace:
        os.execvp(argv[0], argv)  # noqa: S606 - an argv list; the caller wants this very process
    return keep(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
