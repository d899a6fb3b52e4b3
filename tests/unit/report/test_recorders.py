"""Observers that write status, durations, self-repairs and events."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from clawbot_agent.core.paths import DURATIONS_FILE, SELF_REPAIRS_FILE, STATUS_FILE
from clawbot_agent.engine.events import Event, Kind, Observer
from clawbot_agent.records.record import document
from clawbot_agent.records.run import (
    DURATIONS,
    SELF_REPAIRS,
    STATUS,
    RunStatus,
    StageError,
    StageState,
    StageStatus,
)
from clawbot_agent.report.recorders import (
    DurationRecorder,
    EventLog,
    SelfRepairRecorder,
    StatusRecorder,
    write_event,
)
from tests.fakes import FakeFiles

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)


def a_run(*stages: StageStatus) -> RunStatus:
    return RunStatus(
        instance_id="i", boot_id="b", agent_version="1.2.3", started=NOW, stages=stages
    )


RUN: Final = a_run(StageStatus("apt", "base"))


# --- status -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.STAGE_STARTED, Kind.STAGE_NOTE, Kind.STAGE_WAITING])
def test_status_is_written_with_every_event(kind: Kind) -> None:
    files = FakeFiles()
    StatusRecorder(files)(Event(kind, NOW, "apt"), RUN)
    assert STATUS.load(files) == RUN
    stat = files.stat(STATUS_FILE)
    assert stat is not None
    assert stat.mode == 0o644


@pytest.mark.parametrize(
    "recorder", [StatusRecorder, DurationRecorder, SelfRepairRecorder], ids=lambda one: one.__name__
)
def test_full_disk_does_not_end_the_run(recorder: type[StatusRecorder]) -> None:
    files = FakeFiles(refused={STATUS_FILE, DURATIONS_FILE, SELF_REPAIRS_FILE})
    observer: Observer = recorder(files)
    run = a_run(changed("apt", 60))
    observer(Event(Kind.RUN_FINISHED, NOW), run)
    observer(Event(Kind.REPAIR_DONE, NOW, "apt", {"what": "apt"}), run)
    assert files.writes == []


# --- durations --------------------------------------------------------------------------


def changed(name: str, seconds: float, *, attempts: int = 1, expected: float = 0) -> StageStatus:
    return StageStatus(
        name,
        "base",
        StageState.CHANGED,
        attempts=attempts,
        seconds=seconds,
        expected=expected,
    )


def after(files: FakeFiles, *stages: StageStatus, kind: Kind = Kind.RUN_FINISHED) -> None:
    """End a run with these stages."""
    DurationRecorder(files)(Event(kind, NOW), a_run(*stages))


def durations(files: FakeFiles) -> dict[str, float]:
    found = DURATIONS.load(files)
    return {} if found is None else dict(found.seconds)


def test_duration_of_a_changed_stage_is_recorded() -> None:
    files = FakeFiles()
    unchanged = StageStatus("docker", "base", StageState.UNCHANGED, attempts=1, seconds=0.2)
    after(files, changed("apt", 61.23), unchanged)
    assert durations(files) == {"apt": 61.2}


def test_earlier_durations_are_kept() -> None:
    files = FakeFiles()
    after(files, changed("apt", 60))
    after(files, changed("image", 90))
    assert durations(files) == {"apt": 60, "image": 90}


def test_duration_of_partial_work_counts_little() -> None:
    files = FakeFiles()
    after(files, changed("image", 1, expected=100))
    assert durations(files) == {"image": 80}


def test_duration_with_waits_is_not_recorded() -> None:
    """Else a role assignment that took 15 min would be expected in every run."""
    files = FakeFiles()
    after(files, changed("secrets", 900, attempts=40))
    assert files.read_text(DURATIONS_FILE) is None


def test_durations_are_recorded_at_the_end_of_a_run_only() -> None:
    files = FakeFiles()
    after(files, changed("apt", 60), kind=Kind.STAGE_FINISHED)
    assert files.read_text(DURATIONS_FILE) is None


@pytest.mark.parametrize("text", ["[]", "{", '{"apt": 60}', '{"schema": 1, "seconds": {"a": "b"}}'])
def test_damaged_durations_are_replaced(text: str) -> None:
    files = FakeFiles()
    files.put(DURATIONS_FILE, text)
    after(files, changed("apt", 60))
    assert durations(files) == {"apt": 60}


# --- self-repairs -----------------------------------------------------------------------


def repaired(files: FakeFiles, kind: Kind, what: str) -> None:
    SelfRepairRecorder(files)(Event(kind, NOW, "a stage", {"what": what}), RUN)


def test_self_repairs_keys_are_a_promise() -> None:
    """Metrics and operators read them."""
    files = FakeFiles()
    repaired(files, Kind.REPAIR_DONE, "gateway")
    repaired(files, Kind.REPAIR_FAILED, "gateway")
    repaired(files, Kind.REPAIR_DONE, "disk")
    last = "2026-01-01T00:00:00.000+00:00"
    assert json.loads(files.read_text(SELF_REPAIRS_FILE) or "") == {
        "schema": 1,
        "repairs": {
            "gateway": {"count": 2, "failed": 1, "last": last, "last_result": "failed"},
            "disk": {"count": 1, "failed": 0, "last": last, "last_result": "repaired"},
        },
    }
    stat = files.stat(SELF_REPAIRS_FILE)
    assert stat is not None
    assert stat.mode == 0o644


def test_other_events_are_not_counted() -> None:
    files = FakeFiles()
    SelfRepairRecorder(files)(Event(Kind.STAGE_ACTION, NOW, "one", {"text": "x"}), RUN)
    assert files.writes == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 2, "repairs": {"a": {}}}'])
def test_damaged_count_starts_from_scratch(text: str) -> None:
    files = FakeFiles()
    files.put(SELF_REPAIRS_FILE, text)
    repaired(files, Kind.REPAIR_DONE, "caddy")
    found = SELF_REPAIRS.load(files)
    assert found is not None
    assert found.repairs["caddy"].count == 1


# --- events -----------------------------------------------------------------------------


def logged(event: Event) -> dict[str, object]:
    """Return the line of an event."""
    file = io.StringIO()
    EventLog(file)(event, RUN)
    assert file.getvalue().count("\n") == 1
    found: dict[str, object] = json.loads(file.getvalue())
    return found


def test_event_line_has_time_run_level_stage_and_data() -> None:
    event = Event(
        Kind.STAGE_WAITING,
        NOW + timedelta(seconds=1.5),
        "secrets",
        {"attempt": 2, "seconds": 4.5, "code": "KEYVAULT_FORBIDDEN", "text": "vault"},
    )
    assert logged(event) == {
        "time": "2026-01-01T00:00:01.500+00:00",
        "run": "20260101T000000.000",
        "level": "warning",
        "event": "stage.waiting",
        "stage": "secrets",
        "attempt": 2,
        "seconds": 4.5,
        "code": "KEYVAULT_FORBIDDEN",
        "text": "vault",
    }


def test_event_with_an_error_has_level_error() -> None:
    error = StageError("STUCK", "no good", "see the log", retryable=False)
    found = logged(Event(Kind.STAGE_FINISHED, NOW, "apt", {"state": "failed", "error": error}))
    assert (found["level"], found["error"]) == ("error", document(error))


def test_event_outside_a_run_has_no_run() -> None:
    file = io.StringIO()
    write_event(file, "scheduled.noted", time=NOW, text="Freeze")
    assert json.loads(file.getvalue()) == {
        "time": "2026-01-01T00:00:00.000+00:00",
        "level": "warning",
        "event": "scheduled.noted",
        "text": "Freeze",
    }
