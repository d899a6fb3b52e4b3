import json
from datetime import UTC, datetime

from clawbot_agent.records.status import Result, RunStatus, StageError, StageStatus, State

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def test_the_keys_of_the_document_are_a_promise() -> None:
    """Operators and tests read them: adding one is fine, changing one is not."""
    error = StageError("CODE", "message", "hint", retryable=True)
    status = RunStatus(
        instance_id="i",
        boot_id="b",
        agent_version="1.2.3",
        started=NOW,
        finished=NOW,
        result=Result.FAILED,
        stages=(
            StageStatus("apt", "base", State.FAILED, "why", 2, NOW, 1.23456, error, "Packages", 60),
        ),
    )
    assert json.loads(json.dumps(status.document())) == {
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


def test_a_stage_that_has_not_begun_has_all_keys_too() -> None:
    assert StageStatus("apt", "base").document() == {
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


def test_states_and_results_are_the_documented_words() -> None:
    assert {state.value for state in State} == {
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
