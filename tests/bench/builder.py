"""Builds one of the bench's cached things in a process of its own.

Run as `python3 -m tests.bench.builder rootfs|azure CACHE CA_DIR`, as the leader of a session, so
that whoever started it can end it together with everything it started.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from tests.bench import rootfs
from tests.bench.azure import artifacts
from tests.bench.cache import Cache
from tests.bench.errors import BenchError
from tests.bench.outlive import REPOSITORY


def start(what: str, cache_dir: Path, ca_dir: Path, run_dir: Path) -> subprocess.Popen[str]:
    """Start building it; what it prints is the result, and a log in `run_dir`."""
    argv = (sys.executable, "-m", "tests.bench.builder", what, cache_dir, ca_dir)
    with _log(what, run_dir).open("w") as log:
        return subprocess.Popen(
            ("setpriv", "--pdeathsig", "TERM", *map(str, argv)),
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )


def check(what: str, ended: subprocess.Popen[str], run_dir: Path) -> None:
    """Find out how it went.

    Raises:
        BenchError: it failed; the message holds its last words.
    """
    if ended.returncode != 0:
        tail = "\n".join(_log(what, run_dir).read_text().splitlines()[-20:])
        msg = f"building {what} failed:\n{tail}"
        raise BenchError(msg)


def _log(what: str, run_dir: Path) -> Path:
    return run_dir / f"builder-{what}.log"


def main(what: str, cache_dir: str, ca_dir: str) -> None:
    """Build it unless the cache has it already."""
    signal.signal(signal.SIGTERM, _end_all)
    cache = Cache(Path(cache_dir))
    if what == "rootfs":
        print(rootfs.build(cache))
    else:
        artifacts.build(cache, Path(ca_dir))


def _end_all(_number: int, _frame: FrameType | None) -> None:
    # half-done work is dropped by the cache's next builder
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
