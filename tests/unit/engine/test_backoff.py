"""How often the timer's runs try again."""

import json
from datetime import timedelta

import pytest

from clawbot_agent.engine.backoff import Pace, PausedError
from clawbot_agent.host import Host
from clawbot_agent.records.status import Result, RunStatus, StageError, State
from tests.fakes import FakeClock, fake_host
from tests.unit.engine.scripted import (
    Behaviour,
    Journal,
    PassingError,
    StuckError,
    a_stage,
    run_stages,
)

CLOCK = FakeClock()
NOW = CLOCK.now()
STUCK = StageError("STUCK", "no good", "look at it", retryable=False)


def a_pace(*, binding: bool = True, converged: bool = False) -> Pace:
    return Pace(boot_id="b-1", config="c", binding=binding, converged=converged)


def rests(pace: Pace, stage: str, minutes: float) -> bool:
    try:
        pace.check(stage, NOW + timedelta(minutes=minutes))
    except PausedError:
        return True
    return False


def again(pace: Pace, **changes: object) -> Pace:
    known = {"boot_id": "b-1", "config": "c", "binding": True, **changes}
    return Pace.read(pace.text(), **known)  # type: ignore[arg-type]  # as the table has them


@pytest.mark.parametrize(
    ("count", "minutes"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (9, 60)]
)
def test_each_failure_doubles_the_rest_up_to_an_hour(count: int, minutes: int) -> None:
    pace = a_pace()
    for _ in range(count):
        pace.failed("one", STUCK, NOW, rests=True)
    assert rests(pace, "one", minutes - 0.1)
    assert not rests(pace, "one", minutes)
    assert not rests(pace, "another", 0)


def test_a_clock_that_was_set_back_lets_nothing_rest() -> None:
    pace = a_pace()
    pace.failed("one", STUCK, NOW, rests=True)
    assert not rests(pace, "one", -60)


@pytest.mark.parametrize(
    "changes", [{"boot_id": "b-2"}, {"config": "other"}, {"binding": False}], ids=str
)
def test_boot_configuration_and_hand_end_every_rest(changes: dict[str, object]) -> None:
    pace = a_pace(converged=True)
    pace.failed("one", STUCK, NOW, rests=True)
    assert rests(again(pace), "one", 1)
    assert not rests(again(pace, **changes), "one", 1)
    assert again(pace).converged
    assert again(pace, **changes).converged is ("binding" in changes)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', '{"schema": 2, "stages": {}}'])
def test_a_file_that_is_none_of_ours_lets_nothing_rest(text: str) -> None:
    pace = Pace.read(text, boot_id="b-1", config="c", binding=True)
    assert not rests(pace, "one", 0)
    assert not pace.converged


def test_a_damaged_entry_lets_nothing_rest() -> None:
    pace = a_pace()
    pace.failed("one", STUCK, NOW, rests=True)
    document = json.loads(pace.text())
    document["stages"]["one"]["last"] = "soon"
    read = Pace.read(json.dumps(document), boot_id="b-1", config="c", binding=True)
    assert not rests(read, "one", 1)


def test_found_well_ends_the_rest_after_a_failure_but_not_the_memory_of_a_repair() -> None:
    pace = a_pace(converged=True)
    pace.failed("failed", STUCK, NOW, rests=True)
    pace.changed("repaired", NOW)
    for name in ("failed", "repaired"):
        pace.unchanged(name, NOW + timedelta(minutes=5))
        pace.failed(name, STUCK, NOW, rests=True)
    assert not rests(pace, "failed", 5)
    assert rests(pace, "repaired", 5)


def test_after_two_quiet_hours_a_repair_is_forgotten() -> None:
    pace = a_pace(converged=True)
    for _ in range(3):
        pace.changed("one", NOW)
    pace.unchanged("one", NOW + timedelta(minutes=119))
    assert rests(pace, "one", 19)
    pace.unchanged("one", NOW + timedelta(minutes=120))
    assert not rests(pace, "one", 19)


def test_what_is_repaired_again_and_again_is_repaired_more_and_more_rarely() -> None:
    """A gateway that hangs a minute after each restart, looked at every five minutes."""
    pace = a_pace(converged=True)
    repaired: list[int] = []
    for minute in range(0, 300, 5):
        now = NOW + timedelta(minutes=minute)
        if not rests(pace, "gateway", minute):
            pace.changed("gateway", now)
            repaired.append(minute)
    assert repaired == [0, 5, 15, 35, 75, 135, 195, 255]


def test_what_is_put_right_by_hand_does_not_rest() -> None:
    pace = a_pace(binding=False, converged=True)
    pace.changed("one", NOW)
    assert not rests(again(pace), "one", 0)


def test_what_fails_by_hand_rests_for_the_timer() -> None:
    pace = a_pace(binding=False)
    pace.failed("one", STUCK, NOW, rests=True)
    assert not rests(pace, "one", 1)
    assert rests(again(pace), "one", 1)


def test_before_the_boot_has_converged_a_change_is_no_repair() -> None:
    pace = a_pace()
    pace.changed("one", NOW)
    assert not rests(pace, "one", 0)


# --- in runs -------------------------------------------------------------------------------


def run(behaviour: Behaviour, pace: Pace, host: Host, journal: Journal | None = None) -> RunStatus:
    return run_stages(a_stage("one", behaviour), host=host, journal=journal, pace=pace)


def failing(error: type[Exception]) -> Behaviour:
    def refuse(_host: Host) -> None:
        msg = "no good"
        raise error(msg)

    return Behaviour(todo=["this"], during=refuse)


def test_a_stage_that_rests_reports_its_error_and_is_not_touched() -> None:
    clock = FakeClock()
    host, pace, behaviour = fake_host(clock=clock), a_pace(), failing(StuckError)
    run(behaviour, pace, host)
    journal = Journal()
    status = run(behaviour, pace, host, journal)
    error = status.stage("one").error
    assert error is not None
    assert (status.result, error.code, error.hint) == (Result.FAILED, "STUCK", "look at it")
    assert error.message == "no good; not tried again before 00:05:00 UTC (1 in a row)"
    assert journal.of("stage.action") == []
    # saying it does not make it rest longer
    clock.advance(300)
    run(behaviour, pace, host, journal)
    assert len(journal.of("stage.action")) == 1
    clock.advance(301)
    assert "(2 in a row)" in run(behaviour, pace, host).stage("one").reason


def test_a_stage_that_rests_and_is_well_is_well() -> None:
    """It is looked at each time."""
    host, pace, behaviour = fake_host(), a_pace(), failing(StuckError)
    run(behaviour, pace, host)
    behaviour.todo.clear()
    assert run(behaviour, pace, host).result is Result.CONVERGED
    assert not pace.failing("one")


def test_what_waiting_can_cure_does_not_rest() -> None:
    host, pace, behaviour = fake_host(), a_pace(), failing(PassingError)
    run(behaviour, pace, host)
    journal = Journal()
    run(behaviour, pace, host, journal)
    assert journal.of("stage.action") != []


def test_what_does_not_help_rests_although_it_was_tried_several_times() -> None:
    host, pace = fake_host(), a_pace()
    behaviour = Behaviour(todo=["this"], stubborn=True)
    assert run(behaviour, pace, host).stage("one").error is not None
    journal = Journal()
    error = run(behaviour, pace, host, journal).stage("one").error
    assert error is not None
    assert error.code == "NOT_CONVERGED"
    assert journal.of("stage.action") == []


def test_a_change_in_what_it_needs_ends_the_rest() -> None:
    host, pace, behaviour = fake_host(), a_pace(), failing(StuckError)
    need = Behaviour()
    stages = (
        a_stage("need", need),
        a_stage("between", needs=("need",)),
        a_stage("one", behaviour, needs=("between",)),
    )
    run_stages(*stages, host=host, pace=pace)
    need.todo.append("that")
    behaviour.during = lambda _host: None
    status = run_stages(*stages, host=host, pace=pace)
    assert status.stage("one").state is State.CHANGED


def test_what_it_needs_being_well_again_ends_the_rest() -> None:
    """As a lease that its daemon got back by itself: nothing is changed in that run."""
    host, pace, behaviour = fake_host(), a_pace(), failing(StuckError)
    need = Behaviour()
    stages = (a_stage("need", need), a_stage("one", behaviour, needs=("need",)))
    run_stages(*stages, host=host, pace=pace)
    need.errors.append(StuckError("away"))
    run_stages(*stages, host=host, pace=pace)
    behaviour.during = lambda _host: None
    status = run_stages(*stages, host=host, pace=again(pace))
    assert status.stage("one").state is State.CHANGED


def test_repairs_are_events_once_the_boot_has_converged() -> None:
    host, pace, journal = fake_host(), a_pace(), Journal()
    behaviour = Behaviour(todo=["this"])
    run(behaviour, pace, host, journal)
    assert journal.of("repair.done") == []
    behaviour.todo += ["this", "that"]
    run(behaviour, pace, host, journal)
    assert [event.data for event in journal.of("repair.done")] == [{"what": "one"}]


def test_a_repair_that_failed_is_an_event_and_a_rest_none() -> None:
    host, pace, journal = fake_host(), a_pace(converged=True), Journal()
    behaviour = failing(StuckError)
    for _ in range(2):
        run(behaviour, pace, host, journal)
    assert [event.data for event in journal.of("repair.failed")] == [{"what": "one"}]


def test_what_breaks_again_at_once_says_so() -> None:
    host, pace = fake_host(), a_pace(converged=True)
    behaviour = Behaviour(todo=["this"])
    run(behaviour, pace, host)
    behaviour.todo.append("this")
    error = run(behaviour, pace, host).stage("one").error
    assert error is not None
    assert error.code == "REPAIR_BACKOFF"
    assert "left alone until 00:05:00 UTC" in error.message


def test_a_run_of_some_stages_does_not_make_a_boot_converged() -> None:
    pace = a_pace()
    stages = (a_stage("one"), a_stage("two"))
    run_stages(*stages, only=["one"], pace=pace)
    assert not pace.converged
    run_stages(*stages, pace=pace)
    assert pace.converged


def test_what_others_take_away_is_brought_back_each_time() -> None:
    """A share that is away twice within minutes; the gateway on it comes back with it."""
    host, pace = fake_host(), a_pace(converged=True)
    share, gateway = Behaviour(), Behaviour()
    stages = (
        a_stage("share", share, repairs_rest=False),
        a_stage("gateway", gateway, needs=("share",)),
    )
    for _ in range(3):
        share.todo.append("mount")
        gateway.todo.append("start")
        status = run_stages(*stages, host=host, pace=pace)
        assert status.result is Result.CONVERGED
        assert status.stage("gateway").state is State.CHANGED


def test_what_rests_after_a_repair_keeps_nobody_from_working() -> None:
    """Somebody undoes a setting again and again; that is no reason to let the gateway be down."""
    host, pace = fake_host(), a_pace(converged=True)
    setting, gateway = Behaviour(todo=["set"]), Behaviour()
    stages = (a_stage("setting", setting), a_stage("gateway", gateway, needs=("setting",)))
    run_stages(*stages, host=host, pace=pace)
    setting.todo.append("set")
    gateway.todo.append("start")
    status = run_stages(*stages, host=host, pace=pace)
    assert status.stage("setting").state is State.FAILED
    assert status.stage("gateway").state is State.CHANGED
    assert status.result is Result.FAILED


def test_what_rests_after_a_failure_still_blocks() -> None:
    host, pace = fake_host(), a_pace(converged=True)
    broken, gateway = failing(StuckError), Behaviour(todo=["start"])
    stages = (a_stage("broken", broken), a_stage("gateway", gateway, needs=("broken",)))
    for _ in range(2):
        status = run_stages(*stages, host=host, pace=pace)
        assert status.stage("gateway").state is State.SKIPPED
