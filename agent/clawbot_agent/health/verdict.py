"""The overall status of the bot, from the states of its components."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from clawbot_agent.core.errors import ErrorRef
from clawbot_agent.engine.finding import ComponentState
from clawbot_agent.records.run import RunStatus

GATEWAY: Final = "gateway"
RUN: Final = "run"
REPLACEMENT: Final = "replacement"
UNDER_WAY: Final = "under_way"
"""Figure of `RUN`: 1 during a run that is not the boot's."""
SUSPENDED: Final = "suspended"
"""Figure of `REPLACEMENT`: 1 when no replacement may be requested."""
# without one of these the bot is unreachable, or two instances may write the same bot data
_ESSENTIAL: Final = frozenset({GATEWAY, "lease", "caddy"})
# these must be seen working; a silent lease daemon has not lost the lease yet
_SEEN_WORKING: Final = frozenset({GATEWAY, "caddy"})
_GOOD: Final = frozenset({ComponentState.OK, ComponentState.ABSENT, ComponentState.PENDING})


@dataclass(frozen=True, slots=True)
class Component:
    """One component at a moment; `since` is when it entered its state."""

    name: str
    state: ComponentState
    reason: str
    since: datetime
    figures: Mapping[str, float] = field(default_factory=dict)
    errors: tuple[ErrorRef, ...] = ()
    run: RunStatus | None = None

    def document(self) -> dict[str, Any]:
        """Return it as JSON; these keys are a promise."""
        return {
            "state": self.state.value,
            "since": self.since.isoformat(timespec="seconds"),
            "reason": self.reason,
        }


class Overall(StrEnum):
    """The overall status."""

    HEALTHY = "healthy"
    STARTING = "starting"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"

    @property
    def serves(self) -> bool:
        """Whether the bot answers: HTTP 200, else 503."""
        return self in {Overall.HEALTHY, Overall.DEGRADED}


@dataclass(frozen=True, slots=True)
class OverallVerdict:
    """The overall status and its reason."""

    overall: Overall
    reason: str


def judge(components: Iterable[Component]) -> OverallVerdict:
    """Apply the first rule that matches.

    1. The boot's run is under way: starting.
    2. An essential component failed, or must be seen working and is unknown: unhealthy.
    3. An essential component is starting or not checked yet: starting.
    4. Any other component deviates: degraded.
    """
    known = {component.name: component for component in components}
    run = known.get(RUN)
    if run is not None and run.state is ComponentState.STARTING:
        return OverallVerdict(Overall.STARTING, run.reason)
    if broken := [found for found in known.values() if _is_broken(found)]:
        return _verdict(Overall.UNHEALTHY, broken)
    if starting := [found for found in known.values() if _is_starting(found)]:
        return _verdict(Overall.STARTING, starting)
    if odd := [found for found in known.values() if found.state not in _GOOD]:
        return _verdict(Overall.DEGRADED, odd)
    gateway = known.get(GATEWAY)
    return OverallVerdict(Overall.HEALTHY, "" if gateway is None else gateway.reason)


def _is_broken(found: Component) -> bool:
    if found.state is ComponentState.FAILED:
        return found.name in _ESSENTIAL
    missing = {ComponentState.UNKNOWN, ComponentState.ABSENT}
    return found.state in missing and found.name in _SEEN_WORKING


def _is_starting(found: Component) -> bool:
    states = {ComponentState.STARTING, ComponentState.PENDING}
    return found.state in states and found.name in _ESSENTIAL | {RUN}


def _verdict(overall: Overall, components: Iterable[Component]) -> OverallVerdict:
    reasons = (f"{found.name} {found.state.value}: {found.reason}" for found in components)
    return OverallVerdict(overall, "; ".join(reasons))
