"""`status --compact` fits what Azure's Run Command passes on."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from clawbot_agent.cli.status import _far, compact
from clawbot_agent.records.status import RunStatus, StageError, StageStatus, State

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TEXT = st.text(max_size=3000)
ERROR = st.builds(
    StageError, code=st.just("APT_FAILED"), message=TEXT, hint=TEXT, retryable=st.booleans()
)
STAGE = st.builds(
    StageStatus,
    name=st.sampled_from(["apt", "openclaw-config"]),
    phase=st.just("base"),
    state=st.sampled_from(State),
    reason=TEXT,
    seconds=st.none() | st.floats(0, 5000),
    error=st.none() | ERROR,
)


@given(st.lists(STAGE, max_size=20))
def test_it_never_exceeds_4096_bytes(stages: list[StageStatus]) -> None:
    text = compact(RunStatus("i", "b", "1", NOW, tuple(stages)).document())
    assert len(text.encode()) <= 4096
    assert text.startswith("running")


def test_an_error_is_there_with_its_hint() -> None:
    error = StageError("APT_DISK_FULL", "no room", "see 'df -h'", retryable=False)
    stages = (StageStatus("apt", "base", State.FAILED, error=error),)
    text = compact(RunStatus("i", "b", "1", NOW, stages).document())
    assert "apt failed APT_DISK_FULL: no room | see 'df -h'" in text


def test_whoever_waits_sees_how_far_it_is() -> None:
    stages = (
        StageStatus("apt", "base", State.CHANGED, expected=60),
        StageStatus("image", "base", State.RUNNING, "step 3/9", started=NOW, expected=40),
        StageStatus("caddy", "node", State.PENDING, title="Web server", expected=100),
    )
    document = RunStatus("i", "b", "1", NOW, stages).document()
    # started long ago by this machine's clock: nearly done, and no more than that
    assert _far(document, running=True) == " 49 % image: step 3/9"
    assert _far(document, running=False) == " 49 % The last run was cut off."
