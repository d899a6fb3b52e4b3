"""What Azure is told: the Application Health extension's rich dialect, version 2.0.

Azure replaces an instance that is not Healthy, so the word answers one question: would a new
instance do better? docs/adr/0009-what-is-reported-to-azure.md says why, docs/reference/health.md
has the table.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from clawbot_agent.health.progress import progress_of
from clawbot_agent.health.situation import Assessment, Situation, assess
from clawbot_agent.health.snapshot import Snapshot

__all__ = [
    "AFTER_HOLD_SECONDS",
    "AZURE_PATH",
    "BROKEN_SECONDS",
    "MAINTENANCE_SECONDS",
    "SERVING_SECONDS",
    "AzureHealth",
    "Word",
]

AZURE_PATH: Final = "/health/azure"

SERVING_SECONDS: Final = 10.0
"""For so long it serves before it is Healthy, or well again."""
BROKEN_SECONDS: Final = 45.0
"""For so long it is broken before it is Unhealthy. A restart by its own unit takes 10 to 20 s;
with 23 s to notice at worst and three probes of the extension, Azure knows after 90 s."""
AFTER_HOLD_SECONDS: Final = 300.0
"""The same after what was waited for is back: the share, the lease, somebody's correction."""
MAINTENANCE_SECONDS: Final = 600.0
"""The same while a run of the agent works that began before: it may drain the gateway for 330 s
and give the new one 180 s to become ready."""
_REASON_WIDTH: Final = 200


class Word(StrEnum):
    """What the extension makes of an answer."""

    INITIALIZING = "Initializing"
    """Said by leaving the state out; the extension's grace period is for it."""
    HEALTHY = "Healthy"
    UNHEALTHY = "Unhealthy"


@dataclass(slots=True)
class AzureHealth:
    """Follows the snapshots, once a second, and keeps word and answer.

    Attributes:
        word: the present one.
        body: the answer to the extension, always with HTTP 200.
    """

    word: Word = Word.INITIALIZING
    body: bytes = b""
    # a sidecar that is started anew beside a bot that serves says so at once
    _first: bool = True
    _serving_since: float | None = None
    _broken_since: float | None = None
    _patience: float = BROKEN_SECONDS

    def follow(self, snapshot: Snapshot) -> None:
        """Take note of a snapshot and renew the answer."""
        found = assess(snapshot)
        self._judge(found, snapshot.taken)
        self.body = _answer(self.word, _metrics(snapshot, found))

    def _judge(self, found: Assessment, now: float) -> None:
        if found.situation is not Situation.SERVING:
            self._serving_since = None
        match found.situation:
            case Situation.SERVING:
                self._serves(now)
            case Situation.HELD:
                # an Unhealthy would be asking for an instance that fares no better
                self.word = Word.HEALTHY
                self._broken_since, self._patience = None, AFTER_HOLD_SECONDS
            case Situation.BROKEN:
                self._broken(found, now)
            case Situation.STARTING:
                # what was broken before the boot's run is no outage after it
                self._broken_since, self._patience = None, BROKEN_SECONDS
            case Situation.LOOKING:
                pass
        self._first = self._first and found.situation is Situation.LOOKING

    def _serves(self, now: float) -> None:
        if self._serving_since is None:
            self._serving_since = now
        # a gateway that comes and goes is not well again in between
        if self._first or now - self._serving_since >= SERVING_SECONDS:
            self.word = Word.HEALTHY
            self._broken_since, self._patience = None, BROKEN_SECONDS

    def _broken(self, found: Assessment, now: float) -> None:
        fresh = self._broken_since is None
        if self._broken_since is None:
            self._broken_since = now
        if found.run_under_way:
            # the one that follows what was held may be seen some seconds later than the failure
            if self.word is Word.HEALTHY and (fresh or self._patience == AFTER_HOLD_SECONDS):
                self._patience = MAINTENANCE_SECONDS
        elif self._patience == MAINTENANCE_SECONDS:
            # the run is over, and what it took down is not up again
            self._broken_since, self._patience = now, BROKEN_SECONDS
        if now - self._broken_since >= self._patience:
            self.word = Word.UNHEALTHY


def _answer(word: Word, metrics: dict[str, Any]) -> bytes:
    """The body for the extension, which takes metrics as a string that holds a JSON object."""
    body = {"CustomMetrics": json.dumps(metrics)}
    if word is not Word.INITIALIZING:
        body["ApplicationHealthState"] = word.value
    return json.dumps(body).encode()


def _metrics(snapshot: Snapshot, found: Assessment) -> dict[str, Any]:
    """What the instance view shows: flat, short; these keys are a promise."""
    progress = progress_of(snapshot)
    running = [stage["name"] for stage in progress["stages"] if stage["state"] == "running"]
    reason = " ".join(snapshot.verdict.reason.split())
    return {
        "status": snapshot.verdict.overall.value,
        "situation": found.situation.value,
        "since": snapshot.since.isoformat(timespec="seconds"),
        "code": found.code,
        "reason": reason[:_REASON_WIDTH],
        "state": progress["state"],
        "percent": progress["percent"],
        "stage": ", ".join(running),
    }
