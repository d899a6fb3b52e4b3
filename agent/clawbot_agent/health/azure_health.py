"""The answer to Azure's Application Health extension, in its rich states protocol, version 2.0.

Azure replaces an instance that is not Healthy, so the answer depends on one question: would a new
instance be better? The first part finds the bot's situation, the second turns it into an answer.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from clawbot_agent.core.errors import ErrorRef
from clawbot_agent.engine.finding import ComponentState
from clawbot_agent.health.board import Snapshot
from clawbot_agent.health.progress import progress_of
from clawbot_agent.health.verdict import REPLACEMENT, RUN, SUSPENDED, UNDER_WAY, Component, Overall
from clawbot_agent.records.run import StageState

AZURE_PATH: Final = "/health/azure"

SERVING_SECONDS: Final = 10.0
"""Time for which a bot must serve before it is Healthy."""
BROKEN_SECONDS: Final = 45.0
"""Time for which a bot is broken before it is Unhealthy. A restart by its unit takes 10 to 20 s;
with 23 s to notice at worst and three probes of the extension, Azure knows after 90 s."""
AFTER_SUSPENSION_SECONDS: Final = 300.0
"""The same after the obstacle is gone: the share or the lease is back, the operator fixed it."""
MAINTENANCE_SECONDS: Final = 600.0
"""The same during a run that started earlier: it may drain the gateway for 330 s and wait 180 s for
the new one."""
_REASON_WIDTH: Final = 200


class Situation(StrEnum):
    """Situation of the bot on this instance."""

    CHECKING = "checking"
    """The sidecar has just started."""
    STARTING = "starting"
    """The boot's run is under way."""
    SERVING = "serving"
    SUSPENDED = "replacement-suspended"
    """It does not serve, and a new instance would not either."""
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Assessment:
    """The situation and its reasons.

    Attributes:
        code: the error that decided or, of a broken bot, the first one known; else empty.
        run_under_way: a run works beside the bot.
    """

    situation: Situation
    code: str
    run_under_way: bool


def assess(snapshot: Snapshot) -> Assessment:
    """Apply the first rule that matches. A bot that serves is never replaced.

    1. The boot's run is under way: starting.
    2. The bot answers: serving.
    3. An essential component is not checked yet: checking.
    4. Earlier instances failed alike, or a known error would hit a new instance too: suspended.
    5. Else: broken.
    """
    known = {found.name: found for found in snapshot.components}
    run = known.get(RUN)
    working = run is not None and run.figures.get(UNDER_WAY) == 1
    errors = _errors(snapshot.components)
    first = errors[0].code if errors else ""
    if run is not None and run.state is ComponentState.STARTING:
        return Assessment(Situation.STARTING, first, working)
    overall = snapshot.verdict.overall
    if overall.serves:
        return Assessment(Situation.SERVING, "", working)
    if overall is Overall.STARTING:
        return Assessment(Situation.CHECKING, first, working)
    replacement = known.get(REPLACEMENT)
    if replacement is not None and replacement.figures.get(SUSPENDED) == 1:
        code = replacement.errors[0].code if replacement.errors else first
        return Assessment(Situation.SUSPENDED, code, working)
    decisive = next((error for error in errors if not error.cause.replacement_helps), None)
    if decisive is not None:
        return Assessment(Situation.SUSPENDED, decisive.code, working)
    return Assessment(Situation.BROKEN, first, working)


def _errors(components: Iterable[Component]) -> tuple[ErrorRef, ...]:
    errors = (error for found in components if found.name != REPLACEMENT for error in found.errors)
    return tuple(dict.fromkeys(errors))


class AzureState(StrEnum):
    """The extension's reading of an answer."""

    INITIALIZING = "Initializing"
    """Expressed by an answer without a state; covered by the extension's grace period."""
    HEALTHY = "Healthy"
    UNHEALTHY = "Unhealthy"


@dataclass(slots=True)
class AzureHealth:
    """Follows the snapshots, once a second, and keeps the answer ready.

    Attributes:
        state: the present one.
        body: the answer to the extension, always with HTTP 200.
    """

    state: AzureState = AzureState.INITIALIZING
    body: bytes = b""
    # a sidecar that restarts beside a serving bot reports Healthy at once
    _first: bool = True
    _serving_since: float | None = None
    _broken_since: float | None = None
    _patience: float = BROKEN_SECONDS

    def follow(self, snapshot: Snapshot) -> None:
        """Judge a snapshot and renew the answer."""
        found = assess(snapshot)
        self._judge(found, snapshot.taken)
        self.body = _answer(self.state, _metrics(snapshot, found))

    def _judge(self, found: Assessment, now: float) -> None:
        if found.situation is not Situation.SERVING:
            self._serving_since = None
        match found.situation:
            case Situation.SERVING:
                self._serves(now)
            case Situation.SUSPENDED:
                # Unhealthy would request an instance that is no better
                self.state = AzureState.HEALTHY
                self._broken_since, self._patience = None, AFTER_SUSPENSION_SECONDS
            case Situation.BROKEN:
                self._broken(found, now)
            case Situation.STARTING:
                # a failure before the boot's run says nothing about the time after it
                self._broken_since, self._patience = None, BROKEN_SECONDS
            case Situation.CHECKING:
                pass
        self._first = self._first and found.situation is Situation.CHECKING

    def _serves(self, now: float) -> None:
        if self._serving_since is None:
            self._serving_since = now
        # a gateway that crashes repeatedly is not healthy in between
        if self._first or now - self._serving_since >= SERVING_SECONDS:
            self.state = AzureState.HEALTHY
            self._broken_since, self._patience = None, BROKEN_SECONDS

    def _broken(self, found: Assessment, now: float) -> None:
        fresh = self._broken_since is None
        if self._broken_since is None:
            self._broken_since = now
        if found.run_under_way:
            # the run that follows a suspension may be seen some seconds after the failure
            suspended = self._patience == AFTER_SUSPENSION_SECONDS
            if self.state is AzureState.HEALTHY and (fresh or suspended):
                self._patience = MAINTENANCE_SECONDS
        elif self._patience == MAINTENANCE_SECONDS:
            # the run is over, and what it stopped is not up again
            self._broken_since, self._patience = now, BROKEN_SECONDS
        if now - self._broken_since >= self._patience:
            self.state = AzureState.UNHEALTHY


def _answer(state: AzureState, metrics: dict[str, Any]) -> bytes:
    """Return the body; the extension takes metrics as a string that holds a JSON object."""
    body = {"CustomMetrics": json.dumps(metrics)}
    if state is not AzureState.INITIALIZING:
        body["ApplicationHealthState"] = state.value
    return json.dumps(body).encode()


def _metrics(snapshot: Snapshot, found: Assessment) -> dict[str, Any]:
    """Return what the instance view shows: flat, short; these keys are a promise."""
    progress = progress_of(snapshot)
    running = [stage.name for stage in progress.stages if stage.state == StageState.RUNNING]
    reason = " ".join(snapshot.verdict.reason.split())
    return {
        "status": snapshot.verdict.overall.value,
        "situation": found.situation.value,
        "since": snapshot.since.isoformat(timespec="seconds"),
        "code": found.code,
        "reason": reason[:_REASON_WIDTH],
        "state": progress.state.value,
        "percent": progress.percent,
        "stage": ", ".join(running),
    }
