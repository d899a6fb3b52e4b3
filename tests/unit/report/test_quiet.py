"""Reports of runs that happen every few minutes."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.records.run import Result, RunStatus, StageState, StageStatus
from clawbot_agent.report.quiet import Quiet

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STATUS = RunStatus(
    instance_id="i",
    boot_id="b",
    agent_version="1.2.3",
    started=NOW,
    stages=(StageStatus("apt", "base"),),
)
UNEVENTFUL = [Kind.RUN_STARTED, Kind.STAGE_STARTED, Kind.STAGE_FINISHED, Kind.RUN_FINISHED]


def _passed(
    kinds: list[Kind],
    *,
    end: bool,
    state: StageState = StageState.UNCHANGED,
    result: str = "converged",
) -> list[Kind]:
    """Return the kinds of the events that come through."""
    passed: list[Kind] = []
    quiet = Quiet(lambda event, _status: passed.append(event.kind), end=end)
    status = replace(STATUS.having(replace(STATUS.stages[0], state=state)), result=Result(result))
    for kind in kinds:
        quiet(Event(kind, NOW, "apt"), status)
    return passed


def test_run_without_news_reports_its_end_or_nothing() -> None:
    assert _passed(UNEVENTFUL, end=True) == [Kind.RUN_FINISHED]
    assert _passed(UNEVENTFUL, end=False) == []


def test_note_alone_is_no_news() -> None:
    assert _passed([Kind.RUN_STARTED, Kind.STAGE_NOTE, Kind.RUN_FINISHED], end=False) == []


@pytest.mark.parametrize("news", [Kind.STAGE_ACTION, Kind.STAGE_WAITING, Kind.FAILURES_FORGOTTEN])
def test_first_news_releases_all_events_in_order(news: Kind) -> None:
    kinds = [*UNEVENTFUL[:2], news, *UNEVENTFUL[2:]]
    assert _passed(kinds, end=False) == kinds


@pytest.mark.parametrize("state", [StageState.CHANGED, StageState.DEGRADED, StageState.FAILED])
def test_changed_or_failed_stage_is_news(state: StageState) -> None:
    assert _passed(UNEVENTFUL, end=False, state=state) == UNEVENTFUL


def test_interrupted_run_is_news() -> None:
    assert _passed(UNEVENTFUL, end=False, result="interrupted") == UNEVENTFUL
