"""The table on a terminal: what a running stage says now, and the result at the end."""

import io
from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console

from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.records.status import RunStatus, StageError, StageStatus, State
from clawbot_agent.report.table import LiveTable, stage_table

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STATUS = RunStatus("i", "b", "1", NOW, (StageStatus("apt", "base"), StageStatus("image", "base")))


def _printed(status: RunStatus, **latest: str) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(stage_table(status.document(), latest=latest))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_running_stage_shows_what_it_says_now() -> None:
    running = STATUS.having(replace(STATUS.stage("image"), state=State.RUNNING))
    text = _printed(running, image="npm: 232 files fetched", apt="not running")
    assert "npm: 232 files fetched" in text
    assert "not running" not in text


def test_a_failed_stage_shows_its_code_and_the_next_step() -> None:
    error = StageError("IMAGE_OOM", "killed", "take a larger size", retryable=False)
    failed = replace(STATUS.stage("image"), state=State.FAILED, error=error, seconds=3.0)
    text = _printed(STATUS.having(failed))
    assert "IMAGE_OOM: killed" in text
    assert "next: take a larger size" in text


def test_the_result_stands_below_the_last_picture() -> None:
    console = Console(file=io.StringIO(), width=120)
    with LiveTable(console) as table:
        table(Event(Kind.STAGE_NOTE, NOW, "image", {"text": "step 3"}), STATUS)
        table(
            Event(Kind.RUN_FINISHED, NOW, None, {"result": "converged", "seconds": 41.63}), STATUS
        )
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().rstrip().endswith("converged after 41.6 s")
