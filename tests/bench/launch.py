"""Move this process into its own control groups, then run the given program.

Run as `python3 -m tests.bench.launch [--exec] GROUP PROGRAM ARGUMENT…`; with --exec the program
replaces this process. Two instances of systemd must not share a control group: each would kill
processes that it does not know.
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

_FORCE_RESTART: Final = 133  # nspawn's exit code that asks the service manager for a restart


def hierarchies() -> list[Path]:
    """Return the mount points of the writable hierarchies of version 1 and version 2."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return [Path(fields[1]) for fields in mounts if fields[2] in {"cgroup", "cgroup2"}]


def join(group: str) -> None:
    """Create the group in every hierarchy and move this process into it."""
    for mount in hierarchies():
        path = mount / group
        path.mkdir(parents=True, exist_ok=True)
        for name in ("cpuset.mems", "cpuset.cpus"):
            # version 1 cpuset: a new group accepts no process until these are set
            if (path / name).exists() and not (path / name).read_text().strip():
                (path / name).write_text((mount / name).read_text())
        (path / "cgroup.procs").write_text(f"{os.getpid()}\n")


def members(group: str) -> set[int]:
    """Return every process in the group and its subgroups."""
    pids: set[int] = set()
    for mount in hierarchies():
        for path in (mount / group).rglob("cgroup.procs"):
            with suppress(OSError):
                pids |= {int(pid) for pid in path.read_text().split()}
    return pids


def clear(group: str, *, seconds: float = 10.0) -> None:
    """Kill the group's processes and remove the group, even if it exists only partially."""
    deadline = time.monotonic() + seconds
    while (pids := members(group)) and time.monotonic() < deadline:
        # stop all before killing any: a program of user-mode Linux would otherwise outlive its
        # kernel and make its next system call on the host
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
    """Run it again as long as its exit code requests a restart: nspawn's does on a reboot."""
    while (code := subprocess.call(("setpriv", "--pdeathsig", "KILL", *argv))) == _FORCE_RESTART:
        pass
    return code


def main(words: list[str]) -> int:
    """Join the group and run the program; return its exit code."""
    replace = words[0] == "--exec"
    group, *argv = words[replace:]
    join(group)
    if replace:
        os.execvp(argv[0], argv)  # noqa: S606 - an argv list; the program must keep this pid
    return keep(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
