"""The critical path is the chain of needs that ended last."""

from clawbot_agent.engine.timing import StageTime, timing
from clawbot_agent.records.record import document


def _stage(name: str, start: float, seconds: float, *needs: str) -> StageTime:
    return StageTime(name, start, seconds, needs)


def test_path_follows_the_latest_needs() -> None:
    stages = (
        _stage("apt", 0, 10),
        _stage("secrets", 0, 30),
        _stage("docker", 10, 2, "apt"),
        _stage("image", 12, 50, "docker"),
        _stage("gateway", 62, 10, "image", "secrets"),
        _stage("caddy", 10, 1, "apt"),
    )
    found = timing(stages, waits={"secrets": 25.0})
    assert found.critical_path == ("apt", "docker", "image", "gateway")
    assert found.total == 72
    assert found.stages[0].name in {"apt", "secrets"}
    waited = {stage.name: stage.waited for stage in found.stages}
    assert waited["secrets"] == 25.0
    assert waited["apt"] == 0


def test_need_that_was_not_run_is_not_on_the_path() -> None:
    found = timing((_stage("gateway", 1, 2, "image"),), waits={})
    assert found.critical_path == ("gateway",)


def test_run_without_stages_takes_no_time() -> None:
    found = timing((), waits={})
    assert found.total == 0
    assert found.critical_path == ()


def test_keys_of_the_document_are_a_promise() -> None:
    found = timing((_stage("apt", 0.12345, 2),), waits={"apt": 1.5})
    assert document(found) == {
        "schema": 1,
        "total": 2.123,
        "critical_path": ["apt"],
        "stages": [{"name": "apt", "start": 0.123, "seconds": 2, "waited": 1.5}],
    }
