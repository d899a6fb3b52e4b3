"""Documents of runs, whose keys are promises."""

import json
from datetime import UTC, datetime

from clawbot_agent.core.errors import FailureCause
from clawbot_agent.records.record import document
from clawbot_agent.records.run import (
    BackOffRecord,
    Result,
    RunStatus,
    StageError,
    StageState,
    StageStatus,
    Streak,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def test_status_keys_are_a_promise() -> None:
    """Operators and tests read them: adding one is fine, changing one is not."""
    cause = FailureCause.UNCERTAIN
    error = StageError("CODE", "message", "hint", retryable=True, cause=cause)
    status = RunStatus(
        instance_id="i",
        boot_id="b",
        agent_version="1.2.3",
        started=NOW,
        finished=NOW,
        result=Result.FAILED,
        stages=(
            StageStatus(
                "apt", "base", StageState.FAILED, "why", 2, NOW, 1.23456, error, "Packages", 60
            ),
        ),
    )
    assert json.loads(json.dumps(document(status))) == {
        "schema": 1,
        "instance_id": "i",
        "boot_id": "b",
        "agent_version": "1.2.3",
        "result": "failed",
        "started": "2026-01-02T03:04:05.678+00:00",
        "finished": "2026-01-02T03:04:05.678+00:00",
        "stages": [
            {
                "name": "apt",
                "phase": "base",
                "state": "failed",
                "reason": "why",
                "attempts": 2,
                "started": "2026-01-02T03:04:05.678+00:00",
                "seconds": 1.235,
                "error": {
                    "code": "CODE",
                    "message": "message",
                    "hint": "hint",
                    "retryable": True,
                    "advice": "",
                    "cause": "uncertain",
                },
                "title": "Packages",
                "expected": 60,
            }
        ],
    }


def test_pending_stage_has_all_keys() -> None:
    assert document(StageStatus("apt", "base")) == {
        "name": "apt",
        "phase": "base",
        "state": "pending",
        "reason": "",
        "attempts": 0,
        "started": None,
        "seconds": None,
        "error": None,
        "title": "",
        "expected": 0.0,
    }


def test_states_and_results_are_the_documented_ones() -> None:
    assert {state.value for state in StageState} == {
        "pending",
        "running",
        "unchanged",
        "changed",
        "skipped",
        "degraded",
        "failed",
    }
    assert {result.value for result in Result} == {
        "running",
        "converged",
        "degraded",
        "failed",
        "interrupted",
    }


def test_backoff_names_the_next_attempt_and_the_error() -> None:
    """Operators read it to see when the timer tries again."""
    error = StageError("STUCK", "no good", "see the log", retryable=False)
    record = BackOffRecord(
        "b", "c", converged=True, down=("x",), stages={"x": Streak(2, NOW, error)}
    )
    assert document(record) == {
        "schema": 1,
        "boot_id": "b",
        "config": "c",
        "converged": True,
        "down": ["x"],
        "stages": {
            "x": {
                "count": 2,
                "last": "2026-01-02T03:04:05.678+00:00",
                "error": document(error),
                "until": "2026-01-02T03:14:05.678+00:00",
            }
        },
    }
