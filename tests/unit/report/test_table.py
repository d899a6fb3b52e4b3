"""The table on a terminal: the latest text of a running stage, and the result at the end."""

import io
from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console

from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.records.run import RunStatus, StageError, StageState, StageStatus
from clawbot_agent.report.table import LiveTable, stage_table

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STATUS = RunStatus(
    instance_id="i",
    boot_id="b",
    agent_version="1",
    started=NOW,
    stages=(StageStatus("apt", "base"), StageStatus("image", "base")),
)


def _printed(status: RunStatus, **latest: str) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(stage_table(status, latest=latest))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_running_stage_shows_its_latest_text() -> None:
    running = STATUS.having(replace(STATUS.stage("image"), state=StageState.RUNNING))
    text = _printed(running, image="npm: 232 files fetched", apt="not running")
    assert "npm: 232 files fetched" in text
    assert "not running" not in text


def test_failed_stage_shows_code_and_hint() -> None:
    error = StageError("IMAGE_OOM", "killed", "take a larger size", retryable=False)
    failed = replace(STATUS.stage("image"), state=StageState.FAILED, error=error, seconds=3.0)
    text = _printed(STATUS.having(failed))
    assert "IMAGE_OOM: killed" in text
    assert "next: take a larger size" in text


def test_result_is_below_the_last_table() -> None:
    console = Console(file=io.StringIO(), width=120)
    with LiveTable(console) as table:
        table(Event(Kind.STAGE_NOTE, NOW, "image", {"text": "step 3"}), STATUS)
        table(
            Event(Kind.RUN_FINISHED, NOW, None, {"result": "converged", "seconds": 41.63}), STATUS
        )
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().rstrip().endswith("converged after 41.6 s")
