"""One line for each fact, for pipes, the journal and the serial console."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.records.status import Result, RunStatus, StageError, StageStatus, State
from clawbot_agent.report.lines import LineReporter, shortened

STARTED = datetime(2026, 1, 1, tzinfo=UTC)


def _status(**stage: Any) -> RunStatus:  # noqa: ANN401 - fields of StageStatus
    return RunStatus(
        instance_id="i",
        boot_id="b",
        agent_version="1.2.3",
        started=STARTED,
        stages=(replace(StageStatus("apt", "base"), **stage),),
    )


def _lines(*events: tuple[Event, RunStatus], detail: bool = True) -> list[str]:
    lines: list[str] = []
    report = LineReporter(lines.append, detail=detail)
    for event, status in events:
        report(event, status)
    return lines


def _event(kind: Kind, stage: str | None = "apt", **data: Any) -> Event:  # noqa: ANN401 - JSON
    return Event(kind, STARTED + timedelta(seconds=12.34), stage, data)


def test_a_finished_stage_says_how_long_and_why() -> None:
    status = _status(state=State.UNCHANGED, reason="13 packages installed", seconds=0.04)
    assert _lines((_event(Kind.STAGE_FINISHED), status)) == [
        "[  12.3s] apt: unchanged in 0.0 s, 13 packages installed"
    ]


def test_a_failed_stage_says_its_code_and_the_next_step() -> None:
    error = StageError("APT_DISK_FULL", "no room", "see 'df -h'", retryable=False)
    status = _status(state=State.FAILED, reason="no room", seconds=3.0, error=error)
    assert _lines((_event(Kind.STAGE_FINISHED), status)) == [
        "[  12.3s] apt: failed in 3.0 s, APT_DISK_FULL: no room; next: see 'df -h'"
    ]


def test_a_wait_is_told_with_its_reason_even_without_detail() -> None:
    waiting = _event(Kind.STAGE_WAITING, seconds=4.5, code="APT_LOCK_HELD", text="pid 7\n(x)")
    assert _lines((waiting, _status()), detail=False) == [
        "[  12.3s] apt: waiting 4.5 s, APT_LOCK_HELD: pid 7 (x)"
    ]


def test_actions_and_notes_are_detail() -> None:
    action = (_event(Kind.STAGE_ACTION, text="install jq"), _status())
    note = (_event(Kind.STAGE_NOTE, text="step 3 of 9"), _status())
    assert _lines(action, note) == ["[  12.3s] apt: install jq", "[  12.3s] apt: step 3 of 9"]
    assert _lines(action, note, detail=False) == []


def test_the_run_says_when_it_starts_and_how_it_ends() -> None:
    started = _event(Kind.RUN_STARTED, None, stages=["apt", "docker"])
    ended = _event(Kind.RUN_FINISHED, None, result=Result.DEGRADED.value, seconds=71.25)
    assert _lines((started, _status()), (ended, _status()), detail=False) == [
        "[  12.3s] clawbot-agent 1.2.3: 2 stages",
        "[  12.3s] degraded after 71.2 s",
    ]


def test_a_long_text_is_cut_to_one_line() -> None:
    assert shortened("a\n b" + "c" * 300, 10) == "a bcccccc…"
    assert len(shortened("x" * 300)) == 160


def test_what_is_known_of_other_instances_is_always_told() -> None:
    """It stands on the serial console, also where each stage is one line."""
    event = _event(Kind.FAILURE_REPEATED, None, text="3 instances in a row failed")
    assert _lines((event, _status()), detail=False) == [
        "[  12.3s] instances: 3 instances in a row failed"
    ]
