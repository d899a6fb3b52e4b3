"""What the bot's state means to somebody who could give it a new instance."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from clawbot_agent.core.errors import ErrorRef
from clawbot_agent.health.checks.last_run import UNDER_WAY
from clawbot_agent.health.checks.replacement import HOLDS
from clawbot_agent.health.finding import Component, State
from clawbot_agent.health.snapshot import Snapshot
from clawbot_agent.health.verdict import RUN, Overall

__all__ = ["Assessment", "Situation", "assess"]

_REPAIR: Final = "repair"


class Situation(StrEnum):
    """Of the bot on this instance."""

    LOOKING = "looking"
    """The sidecar has just begun and knows nothing yet."""
    STARTING = "starting"
    """The boot's run is under way."""
    SERVING = "serving"
    HELD = "held"
    """It does not serve, and a new instance would not either."""
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Assessment:
    """The situation and what it is judged by.

    Attributes:
        code: of the error that decided or, of a broken bot, of the first one known; else empty.
        run_under_way: a run of the agent is at work beside the bot.
    """

    situation: Situation
    code: str
    run_under_way: bool


def assess(snapshot: Snapshot) -> Assessment:
    """The first rule that fits decides. What serves is left alone, whatever else is wrong.

    1. The boot's run is under way: starting.
    2. Somebody who asks gets the bot: serving.
    3. What has to be seen was not looked at yet: looking.
    4. Instances before failed alike, or an error is known that a new instance meets again: held.
    5. Else: broken.
    """
    known = {found.name: found for found in snapshot.components}
    run = known.get(RUN)
    working = run is not None and run.figures.get(UNDER_WAY) == 1
    errors = _errors(snapshot.components)
    first = errors[0].code if errors else ""
    if run is not None and run.state is State.STARTING:
        return Assessment(Situation.STARTING, first, working)
    overall = snapshot.verdict.overall
    if overall.serves:
        return Assessment(Situation.SERVING, "", working)
    if overall is Overall.STARTING:
        return Assessment(Situation.LOOKING, first, working)
    repair = known.get(_REPAIR)
    if repair is not None and repair.figures.get(HOLDS) == 1:
        return Assessment(
            Situation.HELD, repair.errors[0].code if repair.errors else first, working
        )
    held = next((error for error in errors if not error.cause.replacement_helps), None)
    if held is not None:
        return Assessment(Situation.HELD, held.code, working)
    return Assessment(Situation.BROKEN, first, working)


def _errors(components: Iterable[Component]) -> tuple[ErrorRef, ...]:
    errors = (error for found in components if found.name != _REPAIR for error in found.errors)
    return tuple(dict.fromkeys(errors))
