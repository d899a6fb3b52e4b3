"""`status --compact` fits into the output of Azure's Run Command."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from clawbot_agent.cli.status import _progress, compact
from clawbot_agent.records.run import RunStatus, StageError, StageState, StageStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TEXT = st.text(max_size=3000)
ERROR = st.builds(
    StageError, code=st.just("APT_FAILED"), message=TEXT, hint=TEXT, retryable=st.booleans()
)
STAGE = st.builds(
    StageStatus,
    name=st.sampled_from(["apt", "openclaw-config"]),
    phase=st.just("base"),
    state=st.sampled_from(StageState),
    reason=TEXT,
    seconds=st.none() | st.floats(0, 5000),
    error=st.none() | ERROR,
)


def a_run(*stages: StageStatus) -> RunStatus:
    return RunStatus(instance_id="i", boot_id="b", agent_version="1", started=NOW, stages=stages)


@given(st.lists(STAGE, max_size=20))
def test_compact_never_exceeds_4096_bytes(stages: list[StageStatus]) -> None:
    text = compact(a_run(*stages))
    assert len(text.encode()) <= 4096
    assert text.startswith("running")


def test_compact_shows_an_error_with_its_hint() -> None:
    error = StageError("APT_DISK_FULL", "disk full", "see 'df -h'", retryable=False)
    text = compact(a_run(StageStatus("apt", "base", StageState.FAILED, error=error)))
    assert "apt failed APT_DISK_FULL: disk full | next: see 'df -h'" in text


def test_wait_shows_the_progress() -> None:
    stages = (
        StageStatus("apt", "base", StageState.CHANGED, expected=60),
        StageStatus("image", "base", StageState.RUNNING, "step 3/9", started=NOW, expected=40),
        StageStatus("caddy", "node", StageState.PENDING, title="Web server", expected=100),
    )
    run = a_run(*stages)
    # started long ago by this machine's clock: nearly done, and no more than that
    assert _progress(run, running=True) == " 49 % image: step 3/9"
    assert _progress(run, running=False) == " 49 % The last run was interrupted."
