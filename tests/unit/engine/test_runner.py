import threading

import pytest

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.secret import Secret
from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.engine.stage import Resource
from clawbot_agent.host import Host
from clawbot_agent.records.record import document
from clawbot_agent.records.run import Result, RunStatus, StageState
from tests.fakes import FakeClock, fake_host
from tests.unit.engine.scripted import (
    Behaviour,
    Journal,
    PassingError,
    SlowPassingError,
    StuckError,
    a_stage,
    run_stages,
)

DPKG = frozenset({Resource.DPKG})
CANARY = "canary-value-of-a-secret"


def error_code(run_stage: object) -> str | None:
    error = getattr(run_stage, "error", None)
    return getattr(error, "code", None)


def test_a_stage_with_nothing_to_do_is_unchanged_and_says_why() -> None:
    status = run_stages(a_stage("one"))
    assert status.result is Result.CONVERGED
    assert (status.stage("one").state, status.stage("one").reason) == (
        StageState.UNCHANGED,
        "all is done",
    )
    assert status.finished is not None


def test_a_stage_that_did_something_lists_it_and_is_unchanged_the_next_time() -> None:
    """Done means: the new plan is empty."""
    stage = a_stage("one", Behaviour(todo=["this", "that"]))
    first = run_stages(stage).stage("one")
    assert (first.state, first.reason) == (StageState.CHANGED, "do this; do that")
    second = run_stages(stage).stage("one")
    assert second.state is StageState.UNCHANGED


def test_what_was_applied_before_a_retry_is_listed_too() -> None:
    behaviour = Behaviour(todo=["this"])

    def fail_once(_host: Host) -> None:
        behaviour.during = lambda _host: None
        behaviour.todo += ["more"]
        msg = "not yet"
        raise PassingError(msg)

    behaviour.during = fail_once
    status = run_stages(a_stage("one", behaviour)).stage("one")
    assert (status.state, status.reason) == (StageState.CHANGED, "do this; do more")
    assert status.attempts == 2


def test_stages_without_common_needs_overlap() -> None:
    """Each waits for the other inside its action."""
    both = threading.Barrier(2, timeout=10)

    def meet(_host: Host) -> None:
        both.wait()

    one, two = Behaviour(todo=["meet"], during=meet), Behaviour(todo=["meet"], during=meet)
    status = run_stages(a_stage("one", one), a_stage("two", two))
    assert status.result is Result.CONVERGED


def test_stages_with_a_common_lock_do_not_overlap() -> None:
    inside = threading.Semaphore(1)

    def alone(_host: Host) -> None:
        assert inside.acquire(blocking=False), "two at once"
        threading.Event().wait(0.05)
        inside.release()

    stages = [a_stage(name, Behaviour(todo=["work"], during=alone), locks=DPKG) for name in "abcd"]
    assert run_stages(*stages).result is Result.CONVERGED


def test_a_stage_that_waits_for_a_lock_is_not_running_yet() -> None:
    """Its time does not count what others use."""
    journal = Journal()
    stages = [a_stage(name, Behaviour(todo=["work"]), locks=DPKG) for name in "ab"]
    run_stages(*stages, journal=journal)
    kinds = [event.kind for event in journal.events if event.stage]
    started, finished = Kind.STAGE_STARTED, Kind.STAGE_FINISHED
    assert [k for k in kinds if k in {started, finished}] == [started, finished] * 2


def test_a_stage_that_waits_to_try_again_lets_others_have_its_lock() -> None:
    """A mirror that does not answer must not keep the engine from anybody else."""
    other_worked = threading.Event()

    class Clock(FakeClock):
        def wait(self, event: threading.Event, seconds: float) -> None:
            assert other_worked.wait(10), "the lock was kept while nothing was done"
            super().wait(event, seconds)

    patient = Behaviour(todo=["work"], errors=[PassingError("not yet")])
    other = Behaviour(todo=["work"], during=lambda _host: other_worked.set())
    status = run_stages(
        a_stage("patient", patient, locks=DPKG),
        a_stage("other", other, locks=DPKG),
        host=fake_host(clock=Clock()),
    )
    assert {stage.state for stage in status.stages} == {StageState.CHANGED}


def test_an_action_that_was_needed_twice_is_told_once() -> None:
    behaviour = Behaviour(todo=["this", "this"], stubborn=False)
    status = run_stages(a_stage("one", behaviour)).stage("one")
    assert status.reason == "do this"


def test_a_need_is_done_first() -> None:
    seen: list[str] = []
    stages = [
        a_stage(
            name,
            Behaviour(todo=["work"], during=lambda _host, name=name: seen.append(name)),  # type: ignore[misc]  # mypy does not see the default
            needs=needs,
        )
        for name, needs in (("last", ("middle",)), ("middle", ("first",)), ("first", ()))
    ]
    run_stages(*stages)
    assert seen == ["first", "middle", "last"]


def test_a_failure_blocks_its_dependants_and_nobody_else() -> None:
    """Also those that depend on it through others; each says on whom."""
    stuck = Behaviour(errors=[StuckError("it is stuck")])
    status = run_stages(
        a_stage("bad", stuck),
        a_stage("child", needs=("bad",)),
        a_stage("grandchild", needs=("child",)),
        a_stage("other"),
    )
    assert status.result is Result.FAILED
    assert status.stage("bad").state is StageState.FAILED
    assert status.stage("child").state is StageState.SKIPPED
    assert status.stage("child").reason == "needs bad, which failed"
    assert status.stage("grandchild").reason == "needs child, which could not run"
    assert status.stage("other").state is StageState.UNCHANGED


def test_a_failure_says_code_message_and_hint() -> None:
    stuck = Behaviour(errors=[StuckError("it is stuck")])
    found = run_stages(a_stage("bad", stuck)).stage("bad")
    assert found.reason == "it is stuck"
    assert found.error is not None
    assert document(found.error) == {
        "code": "STUCK",
        "message": "it is stuck",
        "hint": "look at it",
        "retryable": False,
        "advice": "look at it",
        "cause": "uncertain",
    }


def test_an_optional_stage_that_fails_leaves_the_bot_degraded_and_blocks_nobody() -> None:
    stuck = Behaviour(errors=[StuckError("it is stuck")], required=False)
    status = run_stages(a_stage("extra", stuck), a_stage("child", needs=("extra",)))
    assert status.result is Result.DEGRADED
    assert status.stage("extra").state is StageState.DEGRADED
    assert error_code(status.stage("extra")) == "STUCK"
    assert status.stage("child").state is StageState.UNCHANGED


def test_a_stage_that_the_bot_does_not_have_is_skipped_and_blocks_nobody() -> None:
    status = run_stages(
        a_stage("none", Behaviour(absent="switched off")), a_stage("child", needs=("none",))
    )
    assert status.result is Result.CONVERGED
    assert (status.stage("none").state, status.stage("none").reason) == (
        StageState.SKIPPED,
        "switched off",
    )
    assert status.stage("child").state is StageState.UNCHANGED


def test_stages_that_were_not_asked_for_are_skipped_and_not_needed() -> None:
    """`--stage b` runs b, although a was not run."""
    stages = (a_stage("a", Behaviour(todo=["x"])), a_stage("b", needs=("a",)))
    status = run_stages(*stages, only=["b"])
    assert status.stage("a").reason == "not asked for in this run"
    assert status.stage("b").state is StageState.UNCHANGED
    assert status.result is Result.CONVERGED


def test_a_stage_whose_actions_do_not_help_says_what_is_left() -> None:
    """And it is retried, but not for long."""
    clock = FakeClock()
    status = run_stages(
        a_stage("one", Behaviour(todo=["this"], stubborn=True)), host=fake_host(clock=clock)
    ).stage("one")
    assert status.state is StageState.FAILED
    assert error_code(status) == "NOT_CONVERGED"
    assert "do this" in status.reason
    assert status.attempts > 1
    assert sum(clock.waits) < 60


@pytest.mark.parametrize(
    "defect", [ZeroDivisionError("by zero"), AssertionError("never"), KeyError("x")]
)
def test_a_defect_in_one_stage_does_not_end_the_run(defect: Exception) -> None:
    """The traceback is in the events, the rest goes on."""
    journal = Journal()
    status = run_stages(
        a_stage("bad", Behaviour(errors=[defect])), a_stage("other"), journal=journal
    )
    assert error_code(status.stage("bad")) == "UNEXPECTED"
    assert type(defect).__name__ in status.stage("bad").reason
    assert status.stage("other").state is StageState.UNCHANGED
    assert any("Traceback" in event.data["text"] for event in journal.of(Kind.STAGE_NOTE))


def test_each_wait_is_told_with_its_cause() -> None:
    """Attempt, seconds, code and message."""
    journal = Journal()
    passing: list[Exception] = [PassingError("not yet"), SlowPassingError("nor now")]
    status = run_stages(a_stage("one", Behaviour(errors=passing)), journal=journal).stage("one")
    assert (status.state, status.attempts) == (StageState.UNCHANGED, 3)
    told = [
        (e.data["attempt"], e.data["code"], e.data["text"]) for e in journal.of(Kind.STAGE_WAITING)
    ]
    assert told == [(1, "PASSING", "not yet"), (2, "SLOW_PASSING", "nor now")]
    assert all(event.data["seconds"] > 0 for event in journal.of(Kind.STAGE_WAITING))


def test_the_budget_of_a_stage_caps_its_waits() -> None:
    """The error that it ends with is the real one, not the deadline."""
    clock = FakeClock()
    errors: list[Exception] = [SlowPassingError("not yet") for _ in range(100)]
    status = run_stages(
        a_stage("one", Behaviour(errors=errors), budget=20), host=fake_host(clock=clock)
    ).stage("one")
    assert error_code(status) == "SLOW_PASSING"
    assert sum(clock.waits) <= 20


def test_a_deadline_in_the_middle_carries_the_last_error() -> None:
    """What kept the stage waiting matters more than that time is up."""
    clock = FakeClock()
    behaviour = Behaviour(todo=["a", "b"], errors=[PassingError("the real cause")])
    behaviour.during = lambda _host: clock.advance(100)
    status = run_stages(a_stage("one", behaviour, budget=60), host=fake_host(clock=clock)).stage(
        "one"
    )
    assert error_code(status) == "DEADLINE_EXCEEDED"
    assert "PASSING: the real cause" in status.reason
    assert status.error is not None
    assert status.error.hint == "wait a little"


def test_an_interrupt_ends_the_run_and_every_stage_has_an_end() -> None:
    """Also an optional stage is not called degraded then."""
    cancelled = threading.Event()
    one = Behaviour(todo=["a", "b"], during=lambda _host: cancelled.set(), required=False)
    status = run_stages(
        a_stage("one", one), a_stage("two", needs=("one",)), host=fake_host(cancelled=cancelled)
    )
    assert status.result is Result.INTERRUPTED
    assert error_code(status.stage("one")) == "INTERRUPTED"
    assert status.stage("two").state is StageState.SKIPPED
    assert one.todo == ["b"], "no action is started after the interrupt"


def test_an_interrupt_wakes_a_wait() -> None:
    cancelled = threading.Event()
    errors: list[Exception] = [SlowPassingError("not yet") for _ in range(3)]

    def on_note(_text: str) -> None:
        cancelled.set()

    behaviour = Behaviour(todo=["a"], during=lambda host: host.note("x"))
    stages = (a_stage("waits", Behaviour(errors=errors)), a_stage("stops", behaviour))
    behaviour.during = lambda _host: cancelled.set()
    status = run_stages(*stages, host=fake_host(cancelled=cancelled, note=on_note))
    assert status.result is Result.INTERRUPTED


def test_no_secret_leaves_through_reasons_errors_events_or_notes() -> None:
    """Whatever a stage says, the redactor has the last word."""
    host, journal = fake_host(), Journal()
    host.redactor.add(Secret(CANARY))
    leaky = Behaviour(
        todo=[CANARY],
        errors=[PassingError(CANARY)],
        during=lambda host: host.note(f"note {CANARY}"),
    )
    dead = Behaviour(errors=[StuckError(CANARY, hint=CANARY)])
    bug = Behaviour(errors=[ValueError(CANARY)])
    status = run_stages(
        a_stage("leaky", leaky),
        a_stage("dead", dead),
        a_stage("bug", bug),
        host=host,
        journal=journal,
    )
    assert CANARY not in repr(status)
    assert CANARY not in repr(journal.events)
    assert CANARY not in repr(journal.statuses)
    assert "[REDACTED]" in status.stage("leaky").reason


def test_observers_see_the_run_before_and_after_every_stage() -> None:
    """A reader of the status file sees running, then the end."""
    journal = Journal()
    run_stages(a_stage("one", Behaviour(todo=["x"])), journal=journal)
    kinds = [event.kind for event in journal.events]
    assert kinds == [
        Kind.RUN_STARTED,
        Kind.STAGE_STARTED,
        Kind.STAGE_ACTION,
        Kind.STAGE_FINISHED,
        Kind.RUN_FINISHED,
    ]
    seen = [(status.result, status.stages[0].state) for status in journal.statuses]
    assert seen == [
        ("running", "pending"),
        ("running", "running"),
        ("running", "running"),
        ("running", "changed"),
        ("converged", "changed"),
    ]


def test_what_a_stage_says_last_is_its_reason_until_it_ends() -> None:
    """Who asks for the status in between reads what it waits for, not nothing."""
    journal = Journal()
    behaviour = Behaviour(todo=["x"], during=lambda host: host.note("waiting for bot0"))
    status = run_stages(a_stage("one", behaviour), journal=journal)
    said = [status.stages[0].reason for status in journal.statuses]
    assert said == ["", "", "do x", "waiting for bot0", "do x", "do x"]
    assert status.stage("one").reason == "do x"


def test_while_a_stage_waits_to_try_again_its_error_is_known_until_it_gets_on() -> None:
    """A role that is missing is looked for by people for fifteen minutes."""
    journal = Journal()
    behaviour = Behaviour(todo=["x"], errors=[PassingError("not yet")])
    run_stages(a_stage("one", behaviour), journal=journal)
    stages = [status.stages[0] for status in journal.statuses]
    codes = [stage.error and stage.error.code for stage in stages]
    assert codes == [None, None, "PASSING", None, None, None]
    assert stages[2].reason == "not yet"
    assert stages[2].error is not None
    assert stages[2].error.advice == "wait a little"


def test_notes_of_a_stage_carry_its_name() -> None:
    journal = Journal()
    run_stages(
        a_stage("one", Behaviour(todo=["x"], during=lambda host: host.note("half way"))),
        journal=journal,
    )
    (note,) = journal.of(Kind.STAGE_NOTE)
    assert (note.stage, note.data["text"]) == ("one", "half way")


def test_seconds_count_waits() -> None:
    clock = FakeClock()
    passing: list[Exception] = [PassingError("not yet")]
    status = run_stages(a_stage("one", Behaviour(errors=passing)), host=fake_host(clock=clock))
    assert status.stage("one").seconds == pytest.approx(sum(clock.waits))


def test_an_error_class_of_its_own_needs_only_a_code() -> None:
    """The base has a hint for all that have none."""

    class PlainError(ClawbotError):
        code = "PLAIN"

    status = run_stages(a_stage("one", Behaviour(errors=[PlainError("x")]))).stage("one")
    assert status.error is not None
    assert "clawbot-agent logs" in status.error.hint


def test_an_observer_that_cannot_write_does_not_end_the_run() -> None:
    """A full disk is when its report is needed most."""

    class Full(Journal):
        def __call__(self, event: Event, status: RunStatus) -> None:
            super().__call__(event, status)
            raise OSError(28, "No space left on device")

    journal = Full()
    status = run_stages(a_stage("one", Behaviour(todo=["work"])), journal=journal)
    assert status.result is Result.CONVERGED
    assert journal.of(Kind.RUN_FINISHED)
