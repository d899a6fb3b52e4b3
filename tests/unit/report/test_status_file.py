"""status.json: written at every step, readable whatever happened to it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.host.files import FileWriteError
from clawbot_agent.records.status import RunStatus, StageStatus
from clawbot_agent.report.status_file import StatusFile, read_status
from tests.fakes.files import FakeFiles

PATH = Path("/var/lib/clawbot/status.json")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
STATUS = RunStatus("i", "b", "1.2.3", NOW, (StageStatus("apt", "base"),))


@pytest.mark.parametrize("kind", [Kind.STAGE_STARTED, Kind.STAGE_NOTE, Kind.STAGE_WAITING])
def test_it_is_written_at_every_step_and_holds_the_document(kind: Kind) -> None:
    files = FakeFiles()
    StatusFile(PATH, files)(Event(kind, NOW, "apt"), STATUS)
    assert read_status(PATH, files) == STATUS.document()
    stat = files.stat(PATH)
    assert stat is not None
    assert stat.mode == 0o644


class _FullFiles(FakeFiles):
    def write(self, path: Path, text: str, *, mode: int, uid: int = 0, gid: int = 0) -> None:
        del text, mode, uid, gid
        msg = f"{path}: no space left on device"
        raise FileWriteError(msg)


def test_a_full_disk_does_not_end_the_run() -> None:
    StatusFile(PATH, _FullFiles())(Event(Kind.RUN_STARTED, NOW), STATUS)


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', json.dumps({"schema": 2}), "\0" * 40])
def test_what_is_no_status_is_none(text: str) -> None:
    """Empty and garbled files are what a power cut leaves elsewhere."""
    files = FakeFiles()
    files.write(PATH, text, mode=0o644)
    assert read_status(PATH, files) is None
