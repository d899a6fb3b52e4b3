"""What a run that happens every few minutes tells."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.records.status import Result, RunStatus, StageStatus, State
from clawbot_agent.report.quiet import Reticent

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STATUS = RunStatus(
    instance_id="i",
    boot_id="b",
    agent_version="1.2.3",
    started=NOW,
    stages=(StageStatus("apt", "base"),),
)
UNEVENTFUL = [Kind.RUN_STARTED, Kind.STAGE_STARTED, Kind.STAGE_FINISHED, Kind.RUN_FINISHED]


def _told(
    kinds: list[Kind], *, end: bool, state: State = State.UNCHANGED, result: str = "converged"
) -> list[Kind]:
    """Kinds of the events that come through."""
    told: list[Kind] = []
    reticent = Reticent(lambda event, _status: told.append(event.kind), end=end)
    status = replace(STATUS.having(replace(STATUS.stages[0], state=state)), result=Result(result))
    for kind in kinds:
        reticent(Event(kind, NOW, "apt"), status)
    return told


def test_a_run_without_news_tells_its_end_or_nothing() -> None:
    assert _told(UNEVENTFUL, end=True) == [Kind.RUN_FINISHED]
    assert _told(UNEVENTFUL, end=False) == []


def test_a_note_alone_is_no_news() -> None:
    assert _told([Kind.RUN_STARTED, Kind.STAGE_NOTE, Kind.RUN_FINISHED], end=False) == []


@pytest.mark.parametrize("news", [Kind.STAGE_ACTION, Kind.STAGE_WAITING, Kind.FAILURES_FORGOTTEN])
def test_with_the_first_news_all_is_told_in_order(news: Kind) -> None:
    kinds = [*UNEVENTFUL[:2], news, *UNEVENTFUL[2:]]
    assert _told(kinds, end=False) == kinds


@pytest.mark.parametrize("state", [State.CHANGED, State.DEGRADED, State.FAILED])
def test_a_stage_that_is_not_as_it_was_is_news(state: State) -> None:
    assert _told(UNEVENTFUL, end=False, state=state) == UNEVENTFUL


def test_an_interrupted_run_is_news() -> None:
    assert _told(UNEVENTFUL, end=False, result="interrupted") == UNEVENTFUL
