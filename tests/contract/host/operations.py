"""A program for `isolation` whose operations run into the limits of a confined child."""

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from clawbot_agent.host.isolated import Confinement, serve


def hang(*, name: str) -> NoReturn:
    """Wait without end."""
    del name
    while True:
        time.sleep(60)


def burn(*, name: str) -> NoReturn:
    """Use CPU time without end."""
    del name
    while True:
        pass


def grow(*, name: str) -> int:
    """Use more memory than the limit."""
    del name
    return len(bytearray(10 * 1024**3))


def killed(*, name: str) -> None:
    """End as the kernel ends a process when memory is short."""
    del name
    os.kill(os.getpid(), signal.SIGKILL)


def whoami(*, name: str) -> dict[str, object]:
    """Return the privileges, limits, environment and open files of this process."""
    del name
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    umask = os.umask(0o077)
    return {
        "uid": os.getuid(),
        "gid": os.getgid(),
        "groups": os.getgroups(),
        "status": {key: value.strip() for key, _, value in (line.partition(":") for line in lines)},
        "umask": umask,
        "environment": dict(os.environ),
        "files": [_link(number) for number in range(64) if _link(number)],
        "limits": {
            "core": resource.getrlimit(resource.RLIMIT_CORE)[1],
            "processes": resource.getrlimit(resource.RLIMIT_NPROC)[1],
        },
        "forks": _forks(),
    }


def _link(number: int) -> str:
    try:
        return str(Path(f"/proc/self/fd/{number}").readlink())
    except OSError:
        return ""


def _forks() -> bool:
    try:
        child = os.fork()
    except OSError:
        return False
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return True


if __name__ == "__main__":
    confinement = Confinement(**json.loads(sys.argv[1]))
    confinement.apply()
    operations = {"hang": hang, "burn": burn, "grow": grow, "killed": killed, "whoami": whoami}
    serve(operations, confinement=confinement)
