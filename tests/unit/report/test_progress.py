from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from clawbot_agent.features.registry import all_stages
from clawbot_agent.report.progress import plain_words, progress

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
ERROR: Final = {
    "code": "KEYVAULT_FORBIDDEN",
    "message": "vault my-vault: identity 1234 may not read",
    "hint": "assign a role on my-vault",
    "retryable": True,
    "advice": "assign the role",
}


def before(seconds: float) -> str:
    """So many seconds ago."""
    return (NOW - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def a_stage(name: str, **keys: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """One that takes 100 s, as status.json has it."""
    return {
        "name": name,
        "phase": "base",
        "state": "pending",
        "reason": "",
        "attempts": 0,
        "started": None,
        "seconds": None,
        "error": None,
        "title": name.title(),
        "expected": 100,
        **keys,
    }


def a_status(result: str, *stages: dict[str, Any]) -> dict[str, Any]:
    """A run that began 250 s ago."""
    finished = None if result == "running" else before(10)
    return {"result": result, "started": before(250), "finished": finished, "stages": stages}


def running(name: str, seconds: float, **keys: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """A stage under way since so long."""
    return a_stage(name, state="running", started=before(seconds), attempts=1, **keys)


def seen(document: dict[str, Any] | None, *, under_way: bool = True) -> dict[str, Any]:
    """What the page gets."""
    return progress(document, now=NOW, under_way=under_way, serving=False)


def test_the_keys_are_a_promise() -> None:
    found = seen(
        a_status("running", running("apt", 25.04, reason="install caddy"), a_stage("share"))
    )
    assert found == {
        "schema": 1,
        "state": "running",
        "serving": False,
        "percent": 12,
        "started": before(250),
        "seconds": 250.0,
        "message": "Apt: install caddy",
        "stages": [
            {
                "name": "apt",
                "title": "Apt",
                "state": "running",
                "seconds": 25.0,
                "attempts": 1,
                "code": None,
                "hint": None,
            },
            {
                "name": "share",
                "title": "Share",
                "state": "pending",
                "seconds": None,
                "attempts": 0,
                "code": None,
                "hint": None,
            },
        ],
    }


def test_before_the_first_run_nothing_is_known() -> None:
    found = seen(None)
    assert (found["state"], found["percent"], found["stages"]) == ("preparing", 0, [])
    assert found["started"] is None
    assert found["seconds"] is None


@pytest.mark.parametrize(
    ("stages", "percent"),
    [
        ([a_stage("a", state="changed"), a_stage("b")], 50),
        ([a_stage("a", state="unchanged", expected=300), a_stage("b")], 75),
        # a stage that takes longer than usual is never done before it is
        ([running("a", 1000), a_stage("b")], 47),
        ([a_stage("a", state="degraded"), a_stage("b")], 50),
        # what this bot does not have is no part of the way
        ([a_stage("a", state="skipped"), a_stage("b", state="changed"), a_stage("c")], 50),
        ([a_stage("a", state="changed"), a_stage("b", state="unchanged")], 99),
        ([a_stage("a", expected=0), a_stage("b", state="changed", expected=0)], 50),
    ],
)
def test_the_percentage_is_weighed_by_time(stages: list[dict[str, Any]], percent: int) -> None:
    assert seen(a_status("running", *stages))["percent"] == percent


def test_what_a_failure_kept_from_running_is_not_done() -> None:
    stages = (
        a_stage("a", state="changed"),
        a_stage("b", state="failed", error=ERROR),
        *(a_stage(name, state="skipped") for name in "cd"),
    )
    found = seen(a_status("failed", *stages))
    assert (found["state"], found["percent"]) == ("failed", 25)
    assert found["message"] == "B: KEYVAULT_FORBIDDEN"
    assert found["seconds"] == 240.0


def test_a_failing_stage_tells_code_and_advice_and_no_name() -> None:
    """The hint of an error may name this bot's vault; the advice is the same for every bot."""
    found = seen(a_status("running", running("secrets", 5, error=ERROR, reason="my-vault said no")))
    assert found["stages"][0]["code"] == "KEYVAULT_FORBIDDEN"
    assert found["stages"][0]["hint"] == "assign the role"
    assert found["message"] == "Secrets: tries again after KEYVAULT_FORBIDDEN"
    assert "my-vault" not in str(found)
    assert "1234" not in str(found)


@pytest.mark.parametrize(
    ("result", "under_way", "state", "percent"),
    [
        ("converged", False, "done", 100),
        ("degraded", False, "done", 100),
        ("failed", False, "failed", 0),
        ("interrupted", False, "failed", 0),
        # killed: nobody holds the lock any more
        ("running", False, "failed", 0),
        ("running", True, "running", 0),
    ],
)
def test_the_state(result: str, *, under_way: bool, state: str, percent: int) -> None:
    found = seen(a_status(result, a_stage("a")), under_way=under_way)
    assert (found["state"], found["percent"]) == (state, percent)


def test_what_a_degraded_bot_lacks_is_said() -> None:
    found = seen(a_status("degraded", a_stage("sysbox", state="degraded", error=ERROR)))
    assert found["message"] == "Done, without Sysbox."


def test_of_several_stages_the_latest_speaks() -> None:
    stages = (running("image", 60, reason="step 5/9"), running("share", 3, reason="mount it"))
    assert seen(a_status("running", *stages))["message"] == "Share: mount it"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("npm: 340 files fetched", "npm: 340 files fetched"),
        (
            "step 3/9: RUN npm install openclaw@2026.9.6",
            "step 3/9: RUN npm install openclaw@2026.9.6",
        ),
        ("write /etc/caddy/Caddyfile (it differs), then reload", "write …, then reload"),
        ("mount //acct.file.core.windows.net/bot at /srv/clawbot", "mount …"),
        (
            "waiting for another instance (vm-2, instance 7 (old)), no sign of life for 14 s",
            "waiting for another instance, no sign of life for 14 s",
        ),
        ("port 445 of 10.0.0.4: nothing", "port 445 of … nothing"),
        ("who is fe80::1", "who is …"),
        ("identity 1c9e3b52-0000-4444-8888-123456789abc", "identity …"),
        ("Traceback (most recent call last):\n  File x\nKeyError: secret", "Traceback:"),
        ("", ""),
    ],
)
def test_what_the_agent_says_is_shown_without_names(said: str, shown: str) -> None:
    assert plain_words(said) == shown


def test_of_every_stage_is_known_how_it_is_called_and_how_long_it_takes() -> None:
    for stage in all_stages().order:
        assert stage.title
        assert 0 < stage.typical < stage.budget
