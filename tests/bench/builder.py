"""Builds one of the bench's cached things in a process of its own.

Run as `python3 -m tests.bench.builder rootfs|azure CACHE CA_DIR`, as the leader of a session, so
that whoever started it can end it together with everything it started.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from tests.bench import rootfs
from tests.bench.azure import artifacts
from tests.bench.cache import Cache


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
