import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.records.status import RunStatus, StageStatus, State
from clawbot_agent.report.durations import Durations, read_durations
from tests.fakes import FakeFiles

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
FILE: Final = Path("/var/lib/clawbot/durations.json")


def after(files: FakeFiles, *stages: StageStatus, kind: Kind = Kind.RUN_FINISHED) -> None:
    """Have a run with these stages end."""
    Durations(FILE, files)(Event(kind, NOW), RunStatus("i", "b", "1", NOW, stages))


def stage(name: str, state: State, seconds: float, **keys: float) -> StageStatus:
    return StageStatus(
        name,
        "base",
        state,
        attempts=int(keys.get("attempts", 1)),
        seconds=seconds,
        expected=keys.get("expected", 0),
    )


def test_what_changed_something_is_remembered() -> None:
    files = FakeFiles()
    after(files, stage("apt", State.CHANGED, 61.23), stage("docker", State.UNCHANGED, 0.2))
    assert read_durations(FILE, files) == {"apt": 61.2}


def test_a_stage_of_before_keeps_its_time() -> None:
    files = FakeFiles()
    after(files, stage("apt", State.CHANGED, 60))
    after(files, stage("image", State.CHANGED, 90))
    assert read_durations(FILE, files) == {"apt": 60, "image": 90}


def test_a_small_part_of_the_work_says_little() -> None:
    files = FakeFiles()
    after(files, stage("image", State.CHANGED, 1, expected=100))
    assert read_durations(FILE, files) == {"image": 80}


def test_waiting_for_somebody_is_no_work() -> None:
    """A role that took fifteen minutes would be expected for ever."""
    files = FakeFiles()
    after(files, stage("secrets", State.CHANGED, 900, attempts=40))
    assert files.read_text(FILE) is None


def test_only_the_end_of_a_run_counts() -> None:
    files = FakeFiles()
    after(files, stage("apt", State.CHANGED, 60), kind=Kind.STAGE_FINISHED)
    assert files.read_text(FILE) is None


def test_a_file_of_somebody_else_is_no_file() -> None:
    files = FakeFiles()
    for text in ("[]", "{", '{"apt": "long"}', json.dumps({"apt": None})):
        files.put(FILE, text)
        assert read_durations(FILE, files) == {}
