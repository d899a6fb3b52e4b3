"""The progress of a run, without a name, path or address of the bot."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from clawbot_agent.features.registry import all_stages
from clawbot_agent.records.output import Progress
from clawbot_agent.records.record import document
from clawbot_agent.records.run import Result, RunStatus, StageError, StageState, StageStatus
from clawbot_agent.report.progress import plain_words, progress

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
ERROR: Final = StageError(
    code="KEYVAULT_FORBIDDEN",
    message="vault my-vault: identity 1234 may not read",
    hint="assign a role on my-vault",
    retryable=True,
    advice="assign the role",
)


def before(seconds: float) -> datetime:
    """Return the time so many seconds ago."""
    return NOW - timedelta(seconds=seconds)


def a_stage(name: str, state: str = "pending", **fields: Any) -> StageStatus:  # noqa: ANN401 - of StageStatus
    """Return a stage that usually takes 100 s."""
    given = {"title": name.title(), "expected": 100, **fields}
    return StageStatus(name, "base", StageState(state), **given)


def a_status(result: str, *stages: StageStatus) -> RunStatus:
    """Return a run that started 250 s ago."""
    return RunStatus(
        instance_id="i",
        boot_id="b",
        agent_version="1",
        result=Result(result),
        started=before(250),
        finished=None if result == "running" else before(10),
        stages=stages,
    )


def running(name: str, seconds: float, **fields: Any) -> StageStatus:  # noqa: ANN401 - of StageStatus
    """Return a stage that started so long ago."""
    return a_stage(name, state="running", started=before(seconds), attempts=1, **fields)


def seen(status: RunStatus | None, *, under_way: bool = True) -> Progress:
    """Return what the page gets."""
    return progress(status, now=NOW, under_way=under_way, serving=False)


def test_keys_are_a_promise() -> None:
    found = seen(
        a_status("running", running("apt", 25.04, reason="install caddy"), a_stage("share"))
    )
    assert document(found) == {
        "schema": 1,
        "state": "running",
        "serving": False,
        "percent": 12,
        "started": "2025-12-31T23:55:50.000+00:00",
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


def test_progress_before_the_first_run_is_empty() -> None:
    found = seen(None)
    assert (found.state, found.percent, found.stages) == ("preparing", 0, ())
    assert found.started is None
    assert found.seconds is None


@pytest.mark.parametrize(
    ("stages", "percent"),
    [
        ([a_stage("a", state="changed"), a_stage("b")], 50),
        ([a_stage("a", state="unchanged", expected=300), a_stage("b")], 75),
        # a stage that takes longer than usual is never done before it is
        ([running("a", 1000), a_stage("b")], 47),
        ([a_stage("a", state="degraded"), a_stage("b")], 50),
        # a stage that this bot does not have does not count
        ([a_stage("a", state="skipped"), a_stage("b", state="changed"), a_stage("c")], 50),
        ([a_stage("a", state="changed"), a_stage("b", state="unchanged")], 99),
        ([a_stage("a", expected=0), a_stage("b", state="changed", expected=0)], 50),
    ],
)
def test_percentage_is_weighted_by_time(stages: list[StageStatus], percent: int) -> None:
    assert seen(a_status("running", *stages)).percent == percent


def test_stage_blocked_by_a_failure_is_not_done() -> None:
    stages = (
        a_stage("a", state="changed"),
        a_stage("b", state="failed", error=ERROR),
        *(a_stage(name, state="skipped") for name in "cd"),
    )
    found = seen(a_status("failed", *stages))
    assert (found.state, found.percent) == ("failed", 25)
    assert found.message == "B: KEYVAULT_FORBIDDEN"
    assert found.seconds == 240.0


def test_failing_stage_shows_code_and_advice_without_names() -> None:
    """The hint of an error may name this bot's vault; the advice is the same for every bot."""
    found = seen(a_status("running", running("secrets", 5, error=ERROR, reason="my-vault said no")))
    assert found.stages[0].code == "KEYVAULT_FORBIDDEN"
    assert found.stages[0].hint == "assign the role"
    assert found.message == "Secrets: retrying after KEYVAULT_FORBIDDEN"
    assert "my-vault" not in str(found)
    assert "1234" not in str(found)


@pytest.mark.parametrize(
    ("result", "under_way", "state", "percent"),
    [
        ("converged", False, "done", 100),
        ("degraded", False, "done", 100),
        ("failed", False, "failed", 0),
        ("interrupted", False, "failed", 0),
        # killed: the lock is free
        ("running", False, "failed", 0),
        ("running", True, "running", 0),
    ],
)
def test_state(result: str, *, under_way: bool, state: str, percent: int) -> None:
    found = seen(a_status(result, a_stage("a")), under_way=under_way)
    assert (found.state, found.percent) == (state, percent)


def test_message_names_what_a_degraded_bot_lacks() -> None:
    found = seen(a_status("degraded", a_stage("sysbox", state="degraded", error=ERROR)))
    assert found.message == "Done, without Sysbox."


def test_message_is_of_the_stage_that_started_last() -> None:
    stages = (running("image", 60, reason="step 5/9"), running("share", 3, reason="mount it"))
    assert seen(a_status("running", *stages)).message == "Share: mount it"


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
        ("found fe80::1", "found …"),
        ("identity 1c9e3b52-0000-4444-8888-123456789abc", "identity …"),
        ("Traceback (most recent call last):\n  File x\nKeyError: secret", "Traceback:"),
        ("", ""),
    ],
)
def test_text_of_a_stage_is_shown_without_names(said: str, shown: str) -> None:
    assert plain_words(said) == shown


def test_every_stage_has_title_and_usual_duration() -> None:
    for stage in all_stages().order:
        assert stage.title
        assert 0 < stage.typical < stage.budget
