"""Real processes, files and sockets of this machine."""

import threading
from collections.abc import Callable

import pytest

from clawbot_agent.host.limit import Limit, SystemClock

Limits = Callable[[float], Limit]


@pytest.fixture
def cancelled() -> threading.Event:
    """Set it to interrupt."""
    return threading.Event()


@pytest.fixture
def limits(cancelled: threading.Event) -> Limits:
    """A limit of so many seconds from now."""

    def make(seconds: float) -> Limit:
        clock = SystemClock()
        return Limit(clock, clock.monotonic() + seconds, cancelled=cancelled)

    return make
