"""The sampler of several instances, with host processes in place of the instances."""

import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from tests.drills.watch import Watch

_SECONDS = 20.0


def _instance(name: str) -> Any:  # noqa: ANN401 - it needs only this part of an instance
    def enter(_argv: Sequence[str]) -> tuple[str, ...]:
        answers = f'import sys\nfor _ in sys.stdin: print(\'{{"lease": "{name}"}}\', flush=True)'
        return ("python3", "-u", "-c", answers)

    return SimpleNamespace(vm=SimpleNamespace(name=name, enter=enter))


def _wait_for(watch: Watch, *instances: Any) -> None:  # noqa: ANN401 - as above
    deadline = time.monotonic() + _SECONDS
    while not all(watch.last(instance) for instance in instances):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_watch_closes_all_streams_even_of_a_dropped_instance() -> None:
    """An unclosed stream fails this test, because pytest turns its warning into an error."""
    first, second = _instance("first"), _instance("second")
    with Watch() as watch:
        watch.add(first)
        watch.add(second)
        _wait_for(watch, first, second)
        watch.drop(first)
    assert watch.last(first) == {"lease": "first"}
    assert watch.last(second) == {"lease": "second"}
