"""The overall status, from the states of the components: the table of docs/reference/health.md."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from clawbot_agent.health.finding import Component, State

__all__ = ["Overall", "Verdict", "judge"]

RUN: Final = "run"
# without one of these nobody reaches the bot, or two instances write one memory
_ESSENTIAL: Final = frozenset({"gateway", "lease", "caddy"})
# what has to be seen working; the silence of a lease's daemon is not yet its loss
_SEEN_WORKING: Final = frozenset({"gateway", "caddy"})
_GOOD: Final = frozenset({State.OK, State.ABSENT, State.PENDING})


class Overall(StrEnum):
    """The whole bot."""

    HEALTHY = "healthy"
    STARTING = "starting"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"

    @property
    def serves(self) -> bool:
        """Whether somebody who asks gets the bot: HTTP 200, else 503."""
        return self in {Overall.HEALTHY, Overall.DEGRADED}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The word and why."""

    overall: Overall
    reason: str


def judge(components: Iterable[Component]) -> Verdict:
    """The first rule that fits decides.

    1. The boot's run is under way: starting.
    2. An essential component failed, or is one that has to be seen and is unknown: unhealthy.
    3. An essential component is on its way or not yet looked at: starting.
    4. Anything else is not as it should be: degraded.
    """
    known = {component.name: component for component in components}
    run = known.get(RUN)
    if run is not None and run.state is State.STARTING:
        return Verdict(Overall.STARTING, run.reason)
    broken = [found for found in known.values() if _breaks(found)]
    if broken:
        return _told(Overall.UNHEALTHY, broken)
    coming = [found for found in known.values() if _comes(found)]
    if coming:
        return _told(Overall.STARTING, coming)
    odd = [found for found in known.values() if found.state not in _GOOD]
    if odd:
        return _told(Overall.DEGRADED, odd)
    return Verdict(Overall.HEALTHY, _healthy_reason(known))


def _breaks(found: Component) -> bool:
    if found.state is State.FAILED:
        return found.name in _ESSENTIAL
    return found.state in {State.UNKNOWN, State.ABSENT} and found.name in _SEEN_WORKING


def _comes(found: Component) -> bool:
    on_its_way = found.state in {State.STARTING, State.PENDING}
    return on_its_way and found.name in _ESSENTIAL | {RUN}


def _told(overall: Overall, components: Iterable[Component]) -> Verdict:
    reasons = (f"{found.name} {found.state.value}: {found.reason}" for found in components)
    return Verdict(overall, "; ".join(reasons))


def _healthy_reason(known: Mapping[str, Component]) -> str:
    gateway = known.get("gateway")
    return "" if gateway is None else gateway.reason
