"""Distribution of tests over pytest-xdist's workers, each with its own benches."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from xdist.scheduler import LoadScopeScheduling

from tests.bench.bench import HOME
from tests.bench.state import locked

# these start first, each on a separate worker: the longest, and those that others wait for
FIRST: Final = (
    "tests/machine/test_first_run.py",
    "tests/machine/test_bootstrap.py",
    "tests/vm/test_first_boot.py",
)
TOGETHER: Final = ("tests/machine/finished/",)
"""Folders whose tests run on one worker: they check one machine, and each takes a moment."""
APART: Final = (
    *("tests/faults/", "tests/machine/test_gateway_unit.py"),
    *("tests/vm/test_drills.py", "tests/vm/test_leaving.py"),
    "tests/contract/controller/",
)
"""Modules whose tests are independent; any worker runs any of them."""
_IMAGE_LOCK: Final = HOME / "locks" / "container-image"


def bench_name(what: str = "test") -> str:
    """Return the name of this process's bench of that kind."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    return f"{what}-{worker}" if worker else what


@contextmanager
def alone_with_the_image(cache_dir: Path) -> Iterator[None]:
    """While the cache has no container image, let one process at a time build one.

    The others wait and find it.
    """
    with locked(_IMAGE_LOCK):
        if not list((cache_dir / "images").glob("[!.]*")):
            yield
            return
    yield


class Scheduling(LoadScopeScheduling):
    """For `--dist loadfile`: a module runs on one worker, except for `TOGETHER` and `APART`.

    `--dist loadgroup` would do the same with marks, but xdist 3.8 loses them under pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)


def scope(nodeid: str) -> str:
    """Return the scope of a test; tests of one scope run on one worker, one after another."""
    path = nodeid.partition("::")[0]
    if path.startswith(APART):
        return nodeid
    return next((folder for folder in TOGETHER if path.startswith(folder)), path)


def rank(nodeid: str) -> int:
    """Return the rank of a test; those with the lowest rank start first."""
    path = nodeid.partition("::")[0]
    return FIRST.index(path) if path in FIRST else len(FIRST)
