"""The last finding about each component, and since when it is so."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from clawbot_agent.health.finding import Component, Finding, State, age_text
from clawbot_agent.host.limit import Clock

__all__ = ["Cache"]


@dataclass(frozen=True, slots=True)
class _Entry:
    finding: Finding
    since: datetime
    seen: datetime
    seen_monotonic: float
    good_for: float

    def component(self, name: str, *, monotonic: float) -> Component:
        found, age = self.finding, monotonic - self.seen_monotonic
        if age <= self.good_for:
            return Component(
                name=name,
                state=found.state,
                reason=found.reason,
                since=self.since,
                figures=found.figures,
                errors=found.errors,
                story=found.story,
            )
        if found.state is State.PENDING:
            reason = f"no answer since the sidecar started, {age_text(age)} ago"
        else:
            reason = f"no answer for {age_text(age)}; before: {found.state.value}, {found.reason}"
        return Component(name, State.UNKNOWN, reason, self.seen)


class Cache:
    """Written by the refreshers, read by whoever needs to know; nobody waits for long.

    A finding holds for the time that its refresher promises to take until the next one.
    After that the component is unknown, since it was last seen.
    """

    def __init__(self, clock: Clock) -> None:
        """Empty."""
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}

    def expect(self, name: str, *, good_for: float) -> None:
        """Show `name` as pending; `good_for` seconds is the longest silence between findings."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        pending = Finding(State.PENDING, "not looked at yet")
        with self._lock:
            self._entries[name] = _Entry(pending, now, now, monotonic, good_for)

    def put(self, name: str, finding: Finding) -> None:
        """Note a finding about an expected component."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        with self._lock:
            before = self._entries[name]
            late = monotonic - before.seen_monotonic > before.good_for
            # what was unknown in between did not last
            lasting = before.finding.state is finding.state and not late
            since = before.since if lasting else now
            self._entries[name] = _Entry(finding, since, now, monotonic, before.good_for)

    def components(self, names: Iterable[str]) -> tuple[Component, ...]:
        """What is known at this moment, in the order of `names`."""
        monotonic = self._clock.monotonic()
        with self._lock:
            entries = {name: self._entries[name] for name in names}
        return tuple(entry.component(name, monotonic=monotonic) for name, entry in entries.items())

    def silence(self, names: Iterable[str]) -> float:
        """Seconds since the newest finding about any of `names`."""
        monotonic = self._clock.monotonic()
        with self._lock:
            seen = [self._entries[name].seen_monotonic for name in names]
        return monotonic - max(seen, default=monotonic)
