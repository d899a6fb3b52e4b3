"""Real processes, files and sockets of this machine."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clawbot_agent.host.files import SystemFiles
from clawbot_agent.host.guarded_files import GuardedFiles
from clawbot_agent.host.isolation import Isolation
from clawbot_agent.host.limit import Limit, SystemClock

Limits = Callable[[float], Limit]
MakeFiles = Callable[..., GuardedFiles]


@pytest.fixture
def guarded() -> Iterator[MakeFiles]:
    """Files of which the child processes end with the test."""
    made: list[Isolation] = []

    def make(limit: Limit, *prefixes: Path, program: tuple[str, ...] | None = None) -> GuardedFiles:
        made.append(Isolation() if program is None else Isolation(program))
        return GuardedFiles(SystemFiles(), prefixes, limit, made[-1])

    yield make
    for isolation in made:
        end(isolation)


def end(isolation: Isolation) -> None:
    """End all children, and wait for that."""
    isolation.close()
    for process in isolation._stuck:  # noqa: SLF001 - only the isolation knows them
        process.kill()
        process.wait(5)


@pytest.fixture
def canceled() -> threading.Event:
    """Set it to interrupt."""
    return threading.Event()


@pytest.fixture
def limits(canceled: threading.Event) -> Limits:
    """A limit of so many seconds from now."""

    def make(seconds: float) -> Limit:
        clock = SystemClock()
        return Limit(clock, clock.monotonic() + seconds, canceled=canceled)

    return make
