"""Time: the clock, and the limit of an operation."""

import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol, Self

from clawbot_agent.core.errors import DeadlineExceededError, InterruptedRunError

__all__ = ["Clock", "Limit", "SystemClock"]


class Clock(Protocol):
    """The only source of time; tests have their own."""

    def now(self) -> datetime:
        """Return the wall clock time, UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds since an arbitrary moment."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> None:
        """Sleep for `seconds`, or until `event` is set."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the wall clock time, UTC."""
        return datetime.now(tz=UTC)

    def monotonic(self) -> float:
        """Return seconds since an arbitrary moment."""
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> None:
        """Sleep for `seconds`, or until `event` is set."""
        event.wait(seconds)


@dataclass(frozen=True, slots=True)
class Limit:
    """A deadline and an interrupt; every blocking operation honors both.

    Attributes:
        clock: the source of time.
        deadline: value of `clock.monotonic()` at which the time is over.
        label: names the operation in error messages.
        canceled: set from a signal handler; wakes every wait.
    """

    clock: Clock
    deadline: float
    label: str = "run"
    canceled: threading.Event = field(default_factory=threading.Event)

    def remaining(self) -> float:
        """Return the seconds left, never negative."""
        return max(0.0, self.deadline - self.clock.monotonic())

    def check(self) -> None:
        """Raise when nothing more may start.

        Raises:
            InterruptedRunError: the run was interrupted.
            DeadlineExceededError: the time is over.
        """
        if self.canceled.is_set():
            msg = f"{self.label}: interrupted"
            raise InterruptedRunError(msg)
        if self.remaining() <= 0:
            msg = f"{self.label}: no time left"
            raise DeadlineExceededError(msg)

    def sleep(self, seconds: float) -> None:
        """Sleep, at most until the deadline or an interrupt; raises as `check`."""
        self.check()
        self.clock.wait(self.canceled, min(seconds, self.remaining()))
        self.check()

    def narrowed(self, seconds: float, *, label: str) -> Self:
        """Return the same limit, with at most `seconds` from now."""
        deadline = min(self.deadline, self.clock.monotonic() + seconds)
        return replace(self, deadline=deadline, label=label)
