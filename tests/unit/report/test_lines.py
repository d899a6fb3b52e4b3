"""Lines for pipes, the journal and the serial console, and for `status`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from clawbot_agent.core.paths import REPLACEMENT_FILE
from clawbot_agent.core.text import shortened
from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.records.replacement import REPLACEMENT, ReplacementVerdict, Verdict
from clawbot_agent.records.run import Result, RunStatus, StageError, StageState, StageStatus
from clawbot_agent.records.ticket import TICKET, TicketError, TicketRecord
from clawbot_agent.report.lines import LineReporter, replacement_line, ticket_line
from tests.fakes import FakeFiles

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


def test_finished_stage_has_duration_and_reason() -> None:
    status = _status(state=StageState.UNCHANGED, reason="13 packages installed", seconds=0.04)
    assert _lines((_event(Kind.STAGE_FINISHED), status)) == [
        "[  12.3s] apt: unchanged in 0.0 s, 13 packages installed"
    ]


def test_failed_stage_has_code_and_hint() -> None:
    error = StageError("APT_DISK_FULL", "disk full", "see 'df -h'", retryable=False)
    status = _status(state=StageState.FAILED, reason="disk full", seconds=3.0, error=error)
    assert _lines((_event(Kind.STAGE_FINISHED), status)) == [
        "[  12.3s] apt: failed in 3.0 s, APT_DISK_FULL: disk full; next: see 'df -h'"
    ]


def test_wait_is_shown_without_detail() -> None:
    waiting = _event(Kind.STAGE_WAITING, seconds=4.5, code="APT_LOCK_HELD", text="pid 7\n(x)")
    assert _lines((waiting, _status()), detail=False) == [
        "[  12.3s] apt: waiting 4.5 s, APT_LOCK_HELD: pid 7 (x)"
    ]


def test_actions_and_notes_are_detail() -> None:
    action = (_event(Kind.STAGE_ACTION, text="install jq"), _status())
    note = (_event(Kind.STAGE_NOTE, text="step 3 of 9"), _status())
    assert _lines(action, note) == ["[  12.3s] apt: install jq", "[  12.3s] apt: step 3 of 9"]
    assert _lines(action, note, detail=False) == []


def test_start_and_end_of_a_run_are_shown() -> None:
    started = _event(Kind.RUN_STARTED, None, stages=["apt", "docker"])
    ended = _event(Kind.RUN_FINISHED, None, result=Result.DEGRADED.value, seconds=71.25)
    assert _lines((started, _status()), (ended, _status()), detail=False) == [
        "[  12.3s] clawbot-agent 1.2.3: 2 stages",
        "[  12.3s] degraded after 71.2 s",
    ]


def test_long_text_is_cut_to_one_line() -> None:
    assert shortened("a\n b" + "c" * 300, 10) == "a bcccccc…"
    assert len(shortened("x" * 300)) == 160


def test_failures_of_other_instances_are_shown_without_detail() -> None:
    """They belong on the serial console, where each stage is one line."""
    event = _event(Kind.FAILURE_REPEATED, None, text="3 instances in a row failed")
    assert _lines((event, _status()), detail=False) == [
        "[  12.3s] instances: 3 instances in a row failed"
    ]


@pytest.mark.parametrize("verdict", ["allowed", "suspended"])
def test_replacement_line_has_verdict_and_reason(verdict: str) -> None:
    files = FakeFiles()
    record = ReplacementVerdict(Verdict(verdict), "UNIT_FAILED", 2, 24, "why")
    REPLACEMENT.save(files, record)
    assert replacement_line(files) == f"replacement {verdict}: why"


@pytest.mark.parametrize("text", [None, "{}"])
def test_no_replacement_line_without_a_record(text: str | None) -> None:
    files = FakeFiles()
    if text is not None:
        files.put(REPLACEMENT_FILE, text)
    assert replacement_line(files) is None


END: Final = datetime(2026, 1, 2, tzinfo=UTC)
REFUSED: Final = TicketError("SHARE_TICKET_REFUSED", "no")
REFRESH: Final = "refresh at 2026-01-01T00:00:00+00:00: SHARE_TICKET_REFUSED: no"


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (None, None),
        (
            TicketRecord(END, STARTED, STARTED, None),
            "ticket for the share: until 2026-01-02T00:00:00+00:00",
        ),
        (
            TicketRecord(END, None, STARTED, REFUSED),
            f"ticket for the share: until 2026-01-02T00:00:00+00:00; {REFRESH}",
        ),
        (TicketRecord(None, None, STARTED, REFUSED), f"ticket for the share: none; {REFRESH}"),
    ],
)
def test_ticket_line_has_expiry_and_last_error(
    record: TicketRecord | None, line: str | None
) -> None:
    files = FakeFiles()
    if record is not None:
        TICKET.save(files, record)
    assert ticket_line(files) == line
