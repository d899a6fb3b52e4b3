"""Several pytest processes (pytest-xdist's workers) beside each other, each with its benches."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from xdist.scheduler import LoadScopeScheduling

from tests.bench.bench import HOME
from tests.bench.state import locked

# the longest begin, and those that build what others use
FIRST: Final = (
    "tests/machine/test_first_light.py",
    "tests/machine/test_bootstrap.py",
    "tests/vm/test_first_boot.py",
)
TOGETHER: Final = ("tests/machine/finished/",)
"""Folders whose tests one worker takes: they look at one machine, and each takes a moment."""
APART: Final = (
    *("tests/faults/", "tests/machine/test_gateway_unit.py"),
    *("tests/vm/test_drills.py", "tests/vm/test_leaving.py"),
    "tests/contract/controller/",
)
"""Modules whose tests need nothing of each other; any worker takes any of them."""
_IMAGE_LOCK: Final = HOME / "locks" / "container-image"


def bench_name(what: str = "test") -> str:
    """The name of this process's bench of that kind."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    return f"{what}-{worker}" if worker else what


@contextmanager
def alone_with_the_image(cache_dir: Path) -> Iterator[None]:
    """While no container image is kept in the cache, let one process at a time make one.

    The others wait, and find it.
    """
    with locked(_IMAGE_LOCK):
        if not list((cache_dir / "images").glob("[!.]*")):
            yield
            return
    yield


class Scheduling(LoadScopeScheduling):
    """Of `--dist loadfile`: a module is one worker's, but for `TOGETHER` and `APART`.

    `--dist loadgroup` would be the same with marks, but xdist 3.8 loses them under pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)


def scope(nodeid: str) -> str:
    """Tests with the same are done by one worker, one after the other."""
    path = nodeid.partition("::")[0]
    if path.startswith(APART):
        return nodeid
    return next((folder for folder in TOGETHER if path.startswith(folder)), path)


def rank(nodeid: str) -> int:
    """Which begin: those with the lowest."""
    path = nodeid.partition("::")[0]
    return FIRST.index(path) if path in FIRST else len(FIRST)
