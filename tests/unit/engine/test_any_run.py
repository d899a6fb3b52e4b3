"""Whatever fails, whenever: every stage ends, and the result fits the stages."""

from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from clawbot_agent.engine.events import Kind
from clawbot_agent.engine.stage import AnyStage, Resource
from clawbot_agent.records.run import Result, StageState
from tests.unit.engine.scripted import (
    Behavior,
    Journal,
    PassingError,
    SlowPassingError,
    StuckError,
    a_stage,
    run_stages,
)

FINAL: Final = frozenset(StageState) - {StageState.PENDING, StageState.RUNNING}

ERRORS = st.sampled_from((PassingError, SlowPassingError, StuckError, ZeroDivisionError))
BEHAVIORS = st.builds(
    Behavior,
    todo=st.lists(st.sampled_from("xyz"), max_size=2, unique=True),
    errors=st.lists(ERRORS.map(lambda kind: kind("oh")), max_size=3),
    stubborn=st.booleans(),
    required=st.booleans(),
    absent=st.none() | st.just("switched off"),
)


@st.composite
def graphs(draw: st.DrawFn) -> list[AnyStage]:
    """Up to six stages; each needs some of those before it."""
    stages: list[AnyStage] = []
    for number in range(draw(st.integers(min_value=1, max_value=6))):
        names = [stage.name for stage in stages]
        needs = draw(st.lists(st.sampled_from(names), unique=True)) if names else []
        locks = draw(st.frozensets(st.sampled_from(list(Resource))))
        behavior = draw(BEHAVIORS)
        stages.append(a_stage(f"s{number}", behavior, needs=tuple(needs), locks=locks))
    return stages


@settings(max_examples=60)
@given(stages=graphs())
def test_every_stage_ends_and_the_result_fits(stages: list[AnyStage]) -> None:
    journal = Journal()
    status = run_stages(*stages, journal=journal)
    states = {stage.name: stage.state for stage in status.stages}
    assert set(states.values()) <= FINAL
    assert status.finished is not None
    expected = Result.CONVERGED
    if StageState.FAILED in states.values():
        expected = Result.FAILED
    elif StageState.DEGRADED in states.values():
        expected = Result.DEGRADED
    assert status.result is expected
    for stage in stages:
        blocked = status.stage(stage.name).reason.startswith("needs ")
        assert blocked == any(
            states[need] is StageState.FAILED or status.stage(need).reason.startswith("needs ")
            for need in stage.needs
        )
        assert status.stage(stage.name).reason, "every end has a reason"


@settings(max_examples=60)
@given(stages=graphs())
def test_each_stage_finishes_once_and_works_after_its_needs(stages: list[AnyStage]) -> None:
    """A stage that can no longer run ends at once; the others wait for all needs."""
    journal = Journal()
    run_stages(*stages, journal=journal)
    marks = [(event.kind, event.stage) for event in journal.events]
    finished = [stage for kind, stage in marks if kind is Kind.STAGE_FINISHED]
    assert sorted(filter(None, finished)) == sorted(stage.name for stage in stages)
    for stage in stages:
        if (start := (Kind.STAGE_STARTED, stage.name)) in marks:
            for need in stage.needs:
                assert marks.index((Kind.STAGE_FINISHED, need)) < marks.index(start)
