"""Output of `plan`, `analyze` and `logs`."""

import json
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from click.testing import CliRunner

from clawbot_agent.cli import analyze, logs
from clawbot_agent.cli.plan import _lines as plan_lines
from clawbot_agent.records.output import PlanVerdict, StagePlan
from clawbot_agent.records.record import text_of
from clawbot_agent.records.run import RunStatus, StageError, StageState, StageStatus

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
ERROR: Final = StageError("KEYVAULT_FORBIDDEN", "no role", "assign the role", retryable=True)


def test_plan_aligns_stages_and_counts_changes() -> None:
    plans = (
        StagePlan("apt", "base", PlanVerdict.CHANGE, actions=("install jq", "install caddy")),
        StagePlan("secrets", "node", PlanVerdict.UNKNOWN, error=ERROR),
        StagePlan("caddy", "node", PlanVerdict.UNCHANGED, "serves bot.example.org"),
    )
    assert plan_lines(plans) == [
        "apt      change     install jq",
        "                    install caddy",
        "secrets  unknown    KEYVAULT_FORBIDDEN: no role",
        "                    next: assign the role",
        "caddy    unchanged  serves bot.example.org",
        "2 changes; 1 stages could not be probed",
    ]


def test_plan_without_changes_says_so() -> None:
    plans = (StagePlan("apt", "base", PlanVerdict.UNCHANGED, "13 packages"),)
    assert plan_lines(plans)[-1] == "nothing to do"


def event(after: float, name: str, **keys: object) -> str:
    time = (NOW + timedelta(seconds=after)).isoformat(timespec="milliseconds")
    return json.dumps({"time": time, "event": name, **keys}) + "\n"


LINES: Final = [
    event(-60, "stage.waiting", stage="apt", seconds=9.0),
    event(1, "stage.waiting", stage="apt", seconds=4.5, code="APT_LOCK_HELD", text="pid 7"),
    event(2, "stage.waiting", stage="apt", seconds=1.5, code="APT_LOCK_HELD", text="pid 7"),
    event(
        9,
        "stage.finished",
        stage="secrets",
        state="failed",
        seconds=7.0,
        error={"code": "KEYVAULT_FORBIDDEN", "message": "m", "hint": "h", "retryable": True},
    ),
    '{"time": "2026-01-01T00:0',
]


def test_analyze_shows_waits_since_the_start_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    status = RunStatus(
        instance_id="i",
        boot_id="b",
        agent_version="1",
        started=NOW,
        stages=(
            StageStatus("apt", "base", StageState.CHANGED, started=NOW, seconds=8.0),
            StageStatus("caddy", "node", StageState.SKIPPED),
        ),
    )
    monkeypatch.setattr(analyze, "require_root", lambda: None)
    monkeypatch.setattr(analyze, "read_lines", lambda _path: LINES)
    monkeypatch.setattr(analyze, "SystemFiles", lambda: _Files(text_of(status)))
    done = CliRunner().invoke(analyze.analyze, ["--json"])
    assert json.loads(done.output) == {
        "schema": 1,
        "total": 8.0,
        "critical_path": ["apt"],
        "stages": [{"name": "apt", "start": 0.0, "seconds": 8.0, "waited": 6.0}],
    }
    shown = CliRunner().invoke(analyze.analyze).output.splitlines()
    assert shown[1].split()[:4] == ["apt", "0.0s", "8.0s", "6.0s"]
    assert shown[2] == "critical path: apt 8.0s"


class _Files:
    def __init__(self, text: str) -> None:
        self._text = text

    def read_text(self, path: object) -> str:
        """Return the same text for every path."""
        del path
        return self._text


def test_logs_show_one_sentence_for_each_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "require_root", lambda: None)
    monkeypatch.setattr(logs, "read_lines", lambda _path: LINES)
    done = CliRunner().invoke(logs.logs, ["--lines", "2"])
    assert done.output.splitlines() == [
        "2026-01-01 00:00:02 apt waiting APT_LOCK_HELD 1.5s pid 7",
        "2026-01-01 00:00:09 secrets finished failed 7.0s KEYVAULT_FORBIDDEN: m; next: h",
    ]
    chosen = CliRunner().invoke(logs.logs, ["--json", "--stage", "secrets"])
    assert chosen.output == LINES[3]
