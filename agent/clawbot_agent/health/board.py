"""The last finding about each component, and a snapshot of them, judged once a second."""

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from clawbot_agent.engine.finding import ComponentState, Finding, age_text
from clawbot_agent.health.verdict import Component, Overall, OverallVerdict, judge
from clawbot_agent.host.limit import Clock

SCHEMA: Final = 1


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
                run=found.run,
            )
        if found.state is ComponentState.PENDING:
            reason = f"no result since the sidecar started, {age_text(age)} ago"
        else:
            reason = f"no result for {age_text(age)}; before: {found.state.value}, {found.reason}"
        return Component(name, ComponentState.UNKNOWN, reason, self.seen)


class Cache:
    """Written by the threads of the checks, read by all others; no call waits for long.

    A finding is valid for the longest interval between two of its check. After that the component
    is unknown, since it was last seen.
    """

    def __init__(self, clock: Clock) -> None:
        """Empty."""
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}

    def expect(self, name: str, *, good_for: float) -> None:
        """Show `name` as pending; findings are valid for `good_for` seconds."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        pending = Finding(ComponentState.PENDING, "not checked yet")
        with self._lock:
            self._entries[name] = _Entry(pending, now, now, monotonic, good_for)

    def put(self, name: str, finding: Finding) -> None:
        """Store a finding about an expected component."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        with self._lock:
            before = self._entries[name]
            late = monotonic - before.seen_monotonic > before.good_for
            # a state does not last through a time in which it was unknown
            lasting = before.finding.state is finding.state and not late
            since = before.since if lasting else now
            self._entries[name] = _Entry(finding, since, now, monotonic, before.good_for)

    def components(self, names: Iterable[str]) -> tuple[Component, ...]:
        """Return what is known at this moment, in the order of `names`."""
        monotonic = self._clock.monotonic()
        with self._lock:
            entries = {name: self._entries[name] for name in names}
        return tuple(entry.component(name, monotonic=monotonic) for name, entry in entries.items())

    def silence(self, names: Iterable[str]) -> float:
        """Return the seconds since the newest finding about any of `names`."""
        monotonic = self._clock.monotonic()
        with self._lock:
            seen = [self._entries[name].seen_monotonic for name in names]
        return monotonic - max(seen, default=monotonic)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The bot at a moment.

    Attributes:
        since: when the overall status changed last.
        taken: `clock.monotonic()` of the moment.
        at: `clock.now()` of the moment.
    """

    verdict: OverallVerdict
    since: datetime
    components: tuple[Component, ...]
    taken: float
    at: datetime

    def document(self) -> dict[str, Any]:
        """Return it as JSON for operators; these keys are a promise."""
        return {
            "schema": SCHEMA,
            "status": self.verdict.overall.value,
            "since": self.since.isoformat(timespec="seconds"),
            "reason": self.verdict.reason,
            "components": {found.name: found.document() for found in self.components},
        }


@dataclass(frozen=True, slots=True)
class _Posted:
    snapshot: Snapshot
    text: bytes


class Board:
    """The present snapshot: replaced by one thread, read by all."""

    def __init__(
        self,
        *,
        cache: Cache,
        names: tuple[str, ...],
        clock: Clock,
        followers: Sequence[Callable[[Snapshot], None]] = (),
    ) -> None:
        """Judge at once, so that there always is a snapshot; `names` are the components shown.

        Each of `followers` gets every snapshot, in order, from the thread that judges.
        """
        self._cache = cache
        self._names = names
        self._clock = clock
        self._followers = tuple(followers)
        self._posted = self._taken(before=None)

    def renew(self) -> Snapshot | None:
        """Judge again; return the snapshot when the overall status has changed."""
        before = self._posted.snapshot
        self._posted = self._taken(before=before)
        snapshot = self._posted.snapshot
        return None if snapshot.verdict.overall is before.verdict.overall else snapshot

    def present(self) -> tuple[Overall, bytes]:
        """Return the overall status and the whole document, from one moment."""
        posted = self._posted
        return posted.snapshot.verdict.overall, posted.text

    @property
    def snapshot(self) -> Snapshot:
        """The present one."""
        return self._posted.snapshot

    def age(self) -> float:
        """Return the seconds since the present snapshot was taken."""
        return self._clock.monotonic() - self._posted.snapshot.taken

    def _taken(self, *, before: Snapshot | None) -> _Posted:
        components = self._cache.components(self._names)
        verdict = judge(components)
        lasting = before is not None and before.verdict.overall is verdict.overall
        now = self._clock.now()
        since = before.since if before is not None and lasting else now
        snapshot = Snapshot(verdict, since, components, self._clock.monotonic(), now)
        for follow in self._followers:
            follow(snapshot)
        return _Posted(snapshot, json.dumps(snapshot.document()).encode())
