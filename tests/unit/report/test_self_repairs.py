"""The count of repairs."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.records.status import RunStatus
from clawbot_agent.report.self_repairs import SelfRepairs, read_self_repairs
from tests.fakes import FakeFiles

PATH = Path("/var/lib/clawbot/self-repairs.json")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
STATUS = RunStatus(instance_id="i", boot_id="b", agent_version="1", started=NOW, stages=())


def tell(files: FakeFiles, kind: Kind, what: str) -> None:
    SelfRepairs(PATH, files)(Event(kind, NOW, "a stage", {"what": what}), STATUS)


def test_the_document_is_exactly_this() -> None:
    """Metrics and operators read it."""
    files = FakeFiles()
    tell(files, Kind.REPAIR_DONE, "gateway")
    tell(files, Kind.REPAIR_FAILED, "gateway")
    tell(files, Kind.REPAIR_DONE, "disk")
    last = "2026-01-01T00:00:00+00:00"
    assert json.loads(files.read_text(PATH) or "") == {
        "schema": 1,
        "repairs": {
            "gateway": {"count": 2, "failed": 1, "last": last, "last_result": "failed"},
            "disk": {"count": 1, "failed": 0, "last": last, "last_result": "repaired"},
        },
    }
    stat = files.stat(PATH)
    assert stat is not None
    assert stat.mode == 0o644


def test_other_events_write_nothing() -> None:
    files = FakeFiles()
    SelfRepairs(PATH, files)(Event(Kind.STAGE_ACTION, NOW, "one", {"text": "x"}), STATUS)
    assert files.writes == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 2, "repairs": {"a": {}}}'])
def test_a_file_that_is_none_of_ours_begins_anew(text: str) -> None:
    files = FakeFiles()
    files.put(PATH, text)
    tell(files, Kind.REPAIR_DONE, "caddy")
    assert read_self_repairs(PATH, files)["caddy"]["count"] == 1


def test_a_full_disk_stops_no_run() -> None:
    files = FakeFiles(refused={PATH})
    tell(files, Kind.REPAIR_DONE, "caddy")
    assert read_self_repairs(PATH, files) == {}
