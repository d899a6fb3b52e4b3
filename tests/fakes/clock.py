"""Time that passes only with a wait."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["FakeClock"]

_START: Final = datetime(2026, 1, 1, tzinfo=UTC)


class FakeClock:
    """A `Clock` at 2026-01-01T00:00:00Z that moves with `wait` and `advance`.

    Attributes:
        waits: seconds of every wait, in order.
    """

    def __init__(self) -> None:
        self.waits: list[float] = []
        self._elapsed = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Start plus what was waited."""
        return _START + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Seconds since the start."""
        return self._elapsed

    def wait(self, event: threading.Event, seconds: float) -> None:
        """Pass `seconds` at once; no time when `event` is set."""
        if event.is_set():
            return
        with self._lock:
            self.waits.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._elapsed += seconds
