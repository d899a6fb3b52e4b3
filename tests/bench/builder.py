"""Builds one entry of the bench's cache in a separate process.

Run as `python3 -m tests.bench.builder rootfs|azure CACHE CA_DIR`, as a session leader, so that
the parent can kill it together with all its children.
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
    """Start the build; the result is on its standard output, its log in `run_dir`."""
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
    """Check the result of a finished build.

    Raises:
        BenchError: it failed; the message contains the end of its log.
    """
    if ended.returncode != 0:
        tail = "\n".join(_log(what, run_dir).read_text().splitlines()[-20:])
        msg = f"building {what} failed:\n{tail}"
        raise BenchError(msg)


def _log(what: str, run_dir: Path) -> Path:
    return run_dir / f"builder-{what}.log"


def main(what: str, cache_dir: str, ca_dir: str) -> None:
    """Build the entry unless the cache already has it."""
    signal.signal(signal.SIGTERM, _end_all)
    cache = Cache(Path(cache_dir))
    if what == "rootfs":
        print(rootfs.build(cache))
    else:
        artifacts.build(cache, Path(ca_dir))


def _end_all(_number: int, _frame: FrameType | None) -> None:
    # the next build deletes the partial entry
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
