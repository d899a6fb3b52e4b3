"""The answer of the moment: judged once a second, given to everybody who asks."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from clawbot_agent.health.cache import Cache
from clawbot_agent.health.finding import Component
from clawbot_agent.health.verdict import Overall, Verdict, judge
from clawbot_agent.host.limit import Clock

__all__ = ["SCHEMA", "Board", "Snapshot"]

SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How the bot was at a moment.

    Attributes:
        since: when `verdict.overall` became what it is.
        taken: `clock.monotonic()` of that moment.
        at: `clock.now()` of it.
    """

    verdict: Verdict
    since: datetime
    components: tuple[Component, ...]
    taken: float
    at: datetime

    def document(self) -> dict[str, Any]:
        """For the operator, as JSON; these keys are a promise."""
        return {
            "schema": SCHEMA,
            "status": self.verdict.overall.value,
            "since": self.since.isoformat(timespec="seconds"),
            "reason": self.verdict.reason,
            "components": {found.name: found.document() for found in self.components},
        }

    def text(self) -> bytes:
        """`document`, ready to be sent."""
        return json.dumps(self.document()).encode()


@dataclass(frozen=True, slots=True)
class _Posted:
    snapshot: Snapshot
    text: bytes


class Board:
    """Where the present snapshot hangs: replaced by one thread, read by all."""

    def __init__(
        self,
        *,
        cache: Cache,
        names: tuple[str, ...],
        clock: Clock,
        followers: Sequence[Callable[[Snapshot], None]] = (),
    ) -> None:
        """Judge at once, so that there always is an answer; `names` are the components shown.

        Each of `followers` gets every snapshot, in order, from the thread that judges.
        """
        self._cache = cache
        self._names = names
        self._clock = clock
        self._followers = tuple(followers)
        self._posted = self._look(before=None)

    def renew(self) -> Snapshot | None:
        """Judge anew; the snapshot when the overall word has changed."""
        before = self._posted.snapshot
        self._posted = self._look(before=before)
        snapshot = self._posted.snapshot
        return None if snapshot.verdict.overall is before.verdict.overall else snapshot

    def present(self) -> tuple[Overall, bytes]:
        """The overall word and the whole document, from one moment."""
        posted = self._posted
        return posted.snapshot.verdict.overall, posted.text

    @property
    def snapshot(self) -> Snapshot:
        """The present one."""
        return self._posted.snapshot

    def age(self) -> float:
        """Seconds since the present snapshot was taken."""
        return self._clock.monotonic() - self._posted.snapshot.taken

    def _look(self, *, before: Snapshot | None) -> _Posted:
        components = self._cache.components(self._names)
        verdict = judge(components)
        lasting = before is not None and before.verdict.overall is verdict.overall
        now = self._clock.now()
        since = before.since if before is not None and lasting else now
        snapshot = Snapshot(verdict, since, components, self._clock.monotonic(), now)
        for follow in self._followers:
            follow(snapshot)
        return _Posted(snapshot, snapshot.text())
