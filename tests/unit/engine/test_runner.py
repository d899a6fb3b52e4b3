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
    Behavior,
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


def test_stage_with_nothing_to_do_is_unchanged_and_says_why() -> None:
    status = run_stages(a_stage("one"))
    assert status.result is Result.CONVERGED
    assert (status.stage("one").state, status.stage("one").reason) == (
        StageState.UNCHANGED,
        "all is done",
    )
    assert status.finished is not None


def test_stage_that_did_something_lists_it_and_is_unchanged_the_next_time() -> None:
    """Done means: the new plan is empty."""
    stage = a_stage("one", Behavior(todo=["this", "that"]))
    first = run_stages(stage).stage("one")
    assert (first.state, first.reason) == (StageState.CHANGED, "do this; do that")
    second = run_stages(stage).stage("one")
    assert second.state is StageState.UNCHANGED


def test_what_was_applied_before_a_retry_is_listed_too() -> None:
    behavior = Behavior(todo=["this"])

    def fail_once(_host: Host) -> None:
        behavior.during = lambda _host: None
        behavior.todo += ["more"]
        msg = "not yet"
        raise PassingError(msg)

    behavior.during = fail_once
    status = run_stages(a_stage("one", behavior)).stage("one")
    assert (status.state, status.reason) == (StageState.CHANGED, "do this; do more")
    assert status.attempts == 2


def test_stages_without_common_needs_overlap() -> None:
    """Each waits for the other inside its action."""
    both = threading.Barrier(2, timeout=10)

    def meet(_host: Host) -> None:
        both.wait()

    one, two = Behavior(todo=["meet"], during=meet), Behavior(todo=["meet"], during=meet)
    status = run_stages(a_stage("one", one), a_stage("two", two))
    assert status.result is Result.CONVERGED


def test_stages_with_a_common_lock_do_not_overlap() -> None:
    inside = threading.Semaphore(1)

    def alone(_host: Host) -> None:
        assert inside.acquire(blocking=False), "two at once"
        threading.Event().wait(0.05)
        inside.release()

    stages = [a_stage(name, Behavior(todo=["work"], during=alone), locks=DPKG) for name in "abcd"]
    assert run_stages(*stages).result is Result.CONVERGED


def test_stage_that_waits_for_a_lock_is_not_running_yet() -> None:
    """Its time does not count what others use."""
    journal = Journal()
    stages = [a_stage(name, Behavior(todo=["work"]), locks=DPKG) for name in "ab"]
    run_stages(*stages, journal=journal)
    kinds = [event.kind for event in journal.events if event.stage]
    started, finished = Kind.STAGE_STARTED, Kind.STAGE_FINISHED
    assert [k for k in kinds if k in {started, finished}] == [started, finished] * 2


def test_stage_that_waits_for_a_retry_releases_its_locks() -> None:
    """A mirror that does not answer must not block a stage that needs the engine."""
    other_worked = threading.Event()

    class Clock(FakeClock):
        def wait(self, event: threading.Event, seconds: float) -> None:
            assert other_worked.wait(10), "the lock was kept while nothing was done"
            super().wait(event, seconds)

    patient = Behavior(todo=["work"], errors=[PassingError("not yet")])
    other = Behavior(todo=["work"], during=lambda _host: other_worked.set())
    status = run_stages(
        a_stage("patient", patient, locks=DPKG),
        a_stage("other", other, locks=DPKG),
        host=fake_host(clock=Clock()),
    )
    assert {stage.state for stage in status.stages} == {StageState.CHANGED}


def test_repeated_action_is_listed_once() -> None:
    behavior = Behavior(todo=["this", "this"], stubborn=False)
    status = run_stages(a_stage("one", behavior)).stage("one")
    assert status.reason == "do this"


def test_needed_stage_runs_first() -> None:
    seen: list[str] = []
    stages = [
        a_stage(
            name,
            Behavior(todo=["work"], during=lambda _host, name=name: seen.append(name)),  # type: ignore[misc]  # mypy does not see the default
            needs=needs,
        )
        for name, needs in (("last", ("middle",)), ("middle", ("first",)), ("first", ()))
    ]
    run_stages(*stages)
    assert seen == ["first", "middle", "last"]


def test_failure_blocks_only_its_dependants() -> None:
    """Also indirect dependants; each names the stage that it depends on."""
    stuck = Behavior(errors=[StuckError("it is stuck")])
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


def test_failure_has_code_message_and_hint() -> None:
    stuck = Behavior(errors=[StuckError("it is stuck")])
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


def test_failed_optional_stage_degrades_the_bot_and_blocks_no_stage() -> None:
    stuck = Behavior(errors=[StuckError("it is stuck")], required=False)
    status = run_stages(a_stage("extra", stuck), a_stage("child", needs=("extra",)))
    assert status.result is Result.DEGRADED
    assert status.stage("extra").state is StageState.DEGRADED
    assert error_code(status.stage("extra")) == "STUCK"
    assert status.stage("child").state is StageState.UNCHANGED


def test_stage_that_the_bot_does_not_have_is_skipped_and_blocks_no_stage() -> None:
    status = run_stages(
        a_stage("none", Behavior(absent="switched off")), a_stage("child", needs=("none",))
    )
    assert status.result is Result.CONVERGED
    assert (status.stage("none").state, status.stage("none").reason) == (
        StageState.SKIPPED,
        "switched off",
    )
    assert status.stage("child").state is StageState.UNCHANGED


def test_stages_outside_the_run_are_skipped_and_not_needed() -> None:
    """`--stage b` runs b, although a was not run."""
    stages = (a_stage("a", Behavior(todo=["x"])), a_stage("b", needs=("a",)))
    status = run_stages(*stages, only=["b"])
    assert status.stage("a").reason == "not part of this run"
    assert status.stage("b").state is StageState.UNCHANGED
    assert status.result is Result.CONVERGED


def test_stage_whose_actions_have_no_effect_reports_what_is_left() -> None:
    """And it is retried, but not for long."""
    clock = FakeClock()
    status = run_stages(
        a_stage("one", Behavior(todo=["this"], stubborn=True)), host=fake_host(clock=clock)
    ).stage("one")
    assert status.state is StageState.FAILED
    assert error_code(status) == "NOT_CONVERGED"
    assert "do this" in status.reason
    assert status.attempts > 1
    assert sum(clock.waits) < 60


@pytest.mark.parametrize(
    "defect", [ZeroDivisionError("by zero"), AssertionError("never"), KeyError("x")]
)
def test_defect_in_one_stage_does_not_end_the_run(defect: Exception) -> None:
    """The traceback is in the events; the other stages run."""
    journal = Journal()
    status = run_stages(
        a_stage("bad", Behavior(errors=[defect])), a_stage("other"), journal=journal
    )
    assert error_code(status.stage("bad")) == "UNEXPECTED"
    assert type(defect).__name__ in status.stage("bad").reason
    assert status.stage("other").state is StageState.UNCHANGED
    assert any("Traceback" in event.data["text"] for event in journal.of(Kind.STAGE_NOTE))


def test_each_wait_is_reported_with_its_cause() -> None:
    """Attempt, seconds, code and message."""
    journal = Journal()
    passing: list[Exception] = [PassingError("not yet"), SlowPassingError("nor now")]
    status = run_stages(a_stage("one", Behavior(errors=passing)), journal=journal).stage("one")
    assert (status.state, status.attempts) == (StageState.UNCHANGED, 3)
    waits = [
        (e.data["attempt"], e.data["code"], e.data["text"]) for e in journal.of(Kind.STAGE_WAITING)
    ]
    assert waits == [(1, "PASSING", "not yet"), (2, "SLOW_PASSING", "nor now")]
    assert all(event.data["seconds"] > 0 for event in journal.of(Kind.STAGE_WAITING))


def test_budget_of_a_stage_caps_its_waits() -> None:
    """The error that it ends with is the real one, not the deadline."""
    clock = FakeClock()
    errors: list[Exception] = [SlowPassingError("not yet") for _ in range(100)]
    status = run_stages(
        a_stage("one", Behavior(errors=errors), budget=20), host=fake_host(clock=clock)
    ).stage("one")
    assert error_code(status) == "SLOW_PASSING"
    assert sum(clock.waits) <= 20


def test_deadline_in_the_middle_carries_the_last_error() -> None:
    """What kept the stage waiting matters more than that time is up."""
    clock = FakeClock()
    behavior = Behavior(todo=["a", "b"], errors=[PassingError("the real cause")])
    behavior.during = lambda _host: clock.advance(100)
    status = run_stages(a_stage("one", behavior, budget=60), host=fake_host(clock=clock)).stage(
        "one"
    )
    assert error_code(status) == "DEADLINE_EXCEEDED"
    assert "PASSING: the real cause" in status.reason
    assert status.error is not None
    assert status.error.hint == "wait a little"


def test_interrupt_ends_the_run_and_every_stage_has_an_end() -> None:
    """Also an optional stage is not called degraded then."""
    canceled = threading.Event()
    one = Behavior(todo=["a", "b"], during=lambda _host: canceled.set(), required=False)
    status = run_stages(
        a_stage("one", one), a_stage("two", needs=("one",)), host=fake_host(canceled=canceled)
    )
    assert status.result is Result.INTERRUPTED
    assert error_code(status.stage("one")) == "INTERRUPTED"
    assert status.stage("two").state is StageState.SKIPPED
    assert one.todo == ["b"], "no action is started after the interrupt"


def test_interrupt_wakes_a_wait() -> None:
    canceled = threading.Event()
    errors: list[Exception] = [SlowPassingError("not yet") for _ in range(3)]

    def on_note(_text: str) -> None:
        canceled.set()

    behavior = Behavior(todo=["a"], during=lambda host: host.note("x"))
    stages = (a_stage("waits", Behavior(errors=errors)), a_stage("stops", behavior))
    behavior.during = lambda _host: canceled.set()
    status = run_stages(*stages, host=fake_host(canceled=canceled, note=on_note))
    assert status.result is Result.INTERRUPTED


def test_reasons_errors_events_and_notes_contain_no_secret() -> None:
    """Every text of a stage passes through the redactor."""
    host, journal = fake_host(), Journal()
    host.redactor.add(Secret(CANARY))
    leaky = Behavior(
        todo=[CANARY],
        errors=[PassingError(CANARY)],
        during=lambda host: host.note(f"note {CANARY}"),
    )
    dead = Behavior(errors=[StuckError(CANARY, hint=CANARY)])
    bug = Behavior(errors=[ValueError(CANARY)])
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
    run_stages(a_stage("one", Behavior(todo=["x"])), journal=journal)
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


def test_last_text_of_a_running_stage_is_its_reason() -> None:
    """The status in between names what the stage waits for."""
    journal = Journal()
    behavior = Behavior(todo=["x"], during=lambda host: host.note("waiting for bot0"))
    status = run_stages(a_stage("one", behavior), journal=journal)
    said = [status.stages[0].reason for status in journal.statuses]
    assert said == ["", "", "do x", "waiting for bot0", "do x", "do x"]
    assert status.stage("one").reason == "do x"


def test_error_of_a_waiting_stage_is_shown_until_it_proceeds() -> None:
    """The operator may look for the missing role for 15 min."""
    journal = Journal()
    behavior = Behavior(todo=["x"], errors=[PassingError("not yet")])
    run_stages(a_stage("one", behavior), journal=journal)
    stages = [status.stages[0] for status in journal.statuses]
    codes = [stage.error and stage.error.code for stage in stages]
    assert codes == [None, None, "PASSING", None, None, None]
    assert stages[2].reason == "not yet"
    assert stages[2].error is not None
    assert stages[2].error.advice == "wait a little"


def test_notes_of_a_stage_carry_its_name() -> None:
    journal = Journal()
    run_stages(
        a_stage("one", Behavior(todo=["x"], during=lambda host: host.note("half way"))),
        journal=journal,
    )
    (note,) = journal.of(Kind.STAGE_NOTE)
    assert (note.stage, note.data["text"]) == ("one", "half way")


def test_seconds_count_waits() -> None:
    clock = FakeClock()
    passing: list[Exception] = [PassingError("not yet")]
    status = run_stages(a_stage("one", Behavior(errors=passing)), host=fake_host(clock=clock))
    assert status.stage("one").seconds == pytest.approx(sum(clock.waits))


def test_error_class_of_its_own_needs_only_a_code() -> None:
    """The base has a hint for all that have none."""

    class PlainError(ClawbotError):
        code = "PLAIN"

    status = run_stages(a_stage("one", Behavior(errors=[PlainError("x")]))).stage("one")
    assert status.error is not None
    assert "clawbot-agent logs" in status.error.hint


def test_observer_that_cannot_write_does_not_end_the_run() -> None:
    """A full disk is when its report is needed most."""

    class Full(Journal):
        def __call__(self, event: Event, status: RunStatus) -> None:
            super().__call__(event, status)
            raise OSError(28, "No space left on device")

    journal = Full()
    status = run_stages(a_stage("one", Behavior(todo=["work"])), journal=journal)
    assert status.result is Result.CONVERGED
    assert journal.of(Kind.RUN_FINISHED)
