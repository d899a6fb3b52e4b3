"""Time: the clock, and how much of it an operation may still use."""

import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol, Self

from clawbot_agent.core.errors import DeadlineExceededError, InterruptedRunError

__all__ = ["Clock", "Limit", "SystemClock"]


class Clock(Protocol):
    """The only source of time; tests bring their own."""

    def now(self) -> datetime:
        """Wall clock, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds; only differences mean something."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> None:
        """Sleep for `seconds`, or until `event` is set."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Wall clock, UTC."""
        return datetime.now(tz=UTC)

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> None:
        """Sleep for `seconds`, or until `event` is set."""
        event.wait(seconds)


@dataclass(frozen=True, slots=True)
class Limit:
    """A deadline and a way to be told to stop; every blocking operation honours both.

    Attributes:
        clock: where time comes from.
        deadline: value of `clock.monotonic()` at which time is up.
        label: what the deadline belongs to, for the error text.
        cancelled: set from a signal handler; wakes every wait.
    """

    clock: Clock
    deadline: float
    label: str = "run"
    cancelled: threading.Event = field(default_factory=threading.Event)

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.deadline - self.clock.monotonic())

    def check(self) -> None:
        """Raise when nothing more may be started.

        Raises:
            InterruptedRunError: the run was told to stop.
            DeadlineExceededError: the time is used up.
        """
        if self.cancelled.is_set():
            msg = f"{self.label}: told to stop"
            raise InterruptedRunError(msg)
        if self.remaining() <= 0:
            msg = f"{self.label}: no time left"
            raise DeadlineExceededError(msg)

    def sleep(self, seconds: float) -> None:
        """Wait, but not beyond the deadline nor beyond an interrupt (raises as `check`)."""
        self.check()
        self.clock.wait(self.cancelled, min(seconds, self.remaining()))
        self.check()

    def narrowed(self, seconds: float, *, label: str) -> Self:
        """The same limit, with at most `seconds` from now."""
        deadline = min(self.deadline, self.clock.monotonic() + seconds)
        return replace(self, deadline=deadline, label=label)
