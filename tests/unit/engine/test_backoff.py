"""How often the timer's runs try again."""

import json
from datetime import timedelta

import pytest

from clawbot_agent.engine.backoff import BackingOffError, BackOff
from clawbot_agent.host import Host
from clawbot_agent.records.run import Result, RunStatus, StageError, StageState
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


def a_back_off(*, binding: bool = True, converged: bool = False) -> BackOff:
    return BackOff(boot_id="b-1", config="c", binding=binding, converged=converged)


def rests(back_off: BackOff, stage: str, minutes: float) -> bool:
    try:
        back_off.check(stage, NOW + timedelta(minutes=minutes))
    except BackingOffError:
        return True
    return False


def again(back_off: BackOff, **changes: object) -> BackOff:
    known = {"boot_id": "b-1", "config": "c", "binding": True, **changes}
    return BackOff.read(back_off.text(), **known)  # type: ignore[arg-type]  # as the table has them


@pytest.mark.parametrize(
    ("count", "minutes"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (9, 60)]
)
def test_each_failure_doubles_the_rest_up_to_an_hour(count: int, minutes: int) -> None:
    back_off = a_back_off()
    for _ in range(count):
        back_off.failed("one", STUCK, NOW, rests=True)
    assert rests(back_off, "one", minutes - 0.1)
    assert not rests(back_off, "one", minutes)
    assert not rests(back_off, "another", 0)


def test_a_clock_that_was_set_back_lets_nothing_rest() -> None:
    back_off = a_back_off()
    back_off.failed("one", STUCK, NOW, rests=True)
    assert not rests(back_off, "one", -60)


@pytest.mark.parametrize(
    "changes", [{"boot_id": "b-2"}, {"config": "other"}, {"binding": False}], ids=str
)
def test_boot_configuration_and_hand_end_every_rest(changes: dict[str, object]) -> None:
    back_off = a_back_off(converged=True)
    back_off.failed("one", STUCK, NOW, rests=True)
    assert rests(again(back_off), "one", 1)
    assert not rests(again(back_off, **changes), "one", 1)
    assert again(back_off).converged
    assert again(back_off, **changes).converged is ("binding" in changes)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', '{"schema": 2, "stages": {}}'])
def test_a_file_that_is_none_of_ours_lets_nothing_rest(text: str) -> None:
    back_off = BackOff.read(text, boot_id="b-1", config="c", binding=True)
    assert not rests(back_off, "one", 0)
    assert not back_off.converged


def test_a_damaged_entry_lets_nothing_rest() -> None:
    back_off = a_back_off()
    back_off.failed("one", STUCK, NOW, rests=True)
    document = json.loads(back_off.text())
    document["stages"]["one"]["last"] = "soon"
    read = BackOff.read(json.dumps(document), boot_id="b-1", config="c", binding=True)
    assert not rests(read, "one", 1)


def test_found_well_ends_the_rest_after_a_failure_but_not_the_memory_of_a_repair() -> None:
    back_off = a_back_off(converged=True)
    back_off.failed("failed", STUCK, NOW, rests=True)
    back_off.changed("repaired", NOW)
    for name in ("failed", "repaired"):
        back_off.unchanged(name, NOW + timedelta(minutes=5))
        back_off.failed(name, STUCK, NOW, rests=True)
    assert not rests(back_off, "failed", 5)
    assert rests(back_off, "repaired", 5)


def test_after_two_quiet_hours_a_repair_is_forgotten() -> None:
    back_off = a_back_off(converged=True)
    for _ in range(3):
        back_off.changed("one", NOW)
    back_off.unchanged("one", NOW + timedelta(minutes=119))
    assert rests(back_off, "one", 19)
    back_off.unchanged("one", NOW + timedelta(minutes=120))
    assert not rests(back_off, "one", 19)


def test_what_is_repaired_again_and_again_is_repaired_more_and_more_rarely() -> None:
    """A gateway that hangs a minute after each restart, looked at every five minutes."""
    back_off = a_back_off(converged=True)
    repaired: list[int] = []
    for minute in range(0, 300, 5):
        now = NOW + timedelta(minutes=minute)
        if not rests(back_off, "gateway", minute):
            back_off.changed("gateway", now)
            repaired.append(minute)
    assert repaired == [0, 5, 15, 35, 75, 135, 195, 255]


def test_what_is_put_right_by_hand_does_not_rest() -> None:
    back_off = a_back_off(binding=False, converged=True)
    back_off.changed("one", NOW)
    assert not rests(again(back_off), "one", 0)


def test_what_fails_by_hand_rests_for_the_timer() -> None:
    back_off = a_back_off(binding=False)
    back_off.failed("one", STUCK, NOW, rests=True)
    assert not rests(back_off, "one", 1)
    assert rests(again(back_off), "one", 1)


def test_before_the_boot_has_converged_a_change_is_no_repair() -> None:
    back_off = a_back_off()
    back_off.changed("one", NOW)
    assert not rests(back_off, "one", 0)


# --- in runs -------------------------------------------------------------------------------


def run(behaviour: Behaviour, back_off: BackOff, host: Host, journal: Journal | None = None) -> RunStatus:
    return run_stages(a_stage("one", behaviour), host=host, journal=journal, back_off=back_off)


def failing(error: type[Exception]) -> Behaviour:
    def refuse(_host: Host) -> None:
        msg = "no good"
        raise error(msg)

    return Behaviour(todo=["this"], during=refuse)


def test_a_stage_that_rests_reports_its_error_and_is_not_touched() -> None:
    clock = FakeClock()
    host, back_off, behaviour = fake_host(clock=clock), a_back_off(), failing(StuckError)
    run(behaviour, back_off, host)
    journal = Journal()
    status = run(behaviour, back_off, host, journal)
    error = status.stage("one").error
    assert error is not None
    assert (status.result, error.code, error.hint) == (Result.FAILED, "STUCK", "look at it")
    assert error.message == "no good; not tried again before 00:05:00 UTC (1 in a row)"
    assert journal.of("stage.action") == []
    # saying it does not make it rest longer
    clock.advance(300)
    run(behaviour, back_off, host, journal)
    assert len(journal.of("stage.action")) == 1
    clock.advance(301)
    assert "(2 in a row)" in run(behaviour, back_off, host).stage("one").reason


def test_a_stage_that_rests_and_is_well_is_well() -> None:
    """It is looked at each time."""
    host, back_off, behaviour = fake_host(), a_back_off(), failing(StuckError)
    run(behaviour, back_off, host)
    behaviour.todo.clear()
    assert run(behaviour, back_off, host).result is Result.CONVERGED
    assert not back_off.failing("one")


def test_what_waiting_can_cure_does_not_rest() -> None:
    host, back_off, behaviour = fake_host(), a_back_off(), failing(PassingError)
    run(behaviour, back_off, host)
    journal = Journal()
    run(behaviour, back_off, host, journal)
    assert journal.of("stage.action") != []


def test_what_does_not_help_rests_although_it_was_tried_several_times() -> None:
    host, back_off = fake_host(), a_back_off()
    behaviour = Behaviour(todo=["this"], stubborn=True)
    assert run(behaviour, back_off, host).stage("one").error is not None
    journal = Journal()
    error = run(behaviour, back_off, host, journal).stage("one").error
    assert error is not None
    assert error.code == "NOT_CONVERGED"
    assert journal.of("stage.action") == []


def test_a_change_in_what_it_needs_ends_the_rest() -> None:
    host, back_off, behaviour = fake_host(), a_back_off(), failing(StuckError)
    need = Behaviour()
    stages = (
        a_stage("need", need),
        a_stage("between", needs=("need",)),
        a_stage("one", behaviour, needs=("between",)),
    )
    run_stages(*stages, host=host, back_off=back_off)
    need.todo.append("that")
    behaviour.during = lambda _host: None
    status = run_stages(*stages, host=host, back_off=back_off)
    assert status.stage("one").state is StageState.CHANGED


def test_what_it_needs_being_well_again_ends_the_rest() -> None:
    """As a lease that its daemon got back by itself: nothing is changed in that run."""
    host, back_off, behaviour = fake_host(), a_back_off(), failing(StuckError)
    need = Behaviour()
    stages = (a_stage("need", need), a_stage("one", behaviour, needs=("need",)))
    run_stages(*stages, host=host, back_off=back_off)
    need.errors.append(StuckError("away"))
    run_stages(*stages, host=host, back_off=back_off)
    behaviour.during = lambda _host: None
    status = run_stages(*stages, host=host, back_off=again(back_off))
    assert status.stage("one").state is StageState.CHANGED


def test_repairs_are_events_once_the_boot_has_converged() -> None:
    host, back_off, journal = fake_host(), a_back_off(), Journal()
    behaviour = Behaviour(todo=["this"])
    run(behaviour, back_off, host, journal)
    assert journal.of("repair.done") == []
    behaviour.todo += ["this", "that"]
    run(behaviour, back_off, host, journal)
    assert [event.data for event in journal.of("repair.done")] == [{"what": "one"}]


def test_a_repair_that_failed_is_an_event_and_a_rest_none() -> None:
    host, back_off, journal = fake_host(), a_back_off(converged=True), Journal()
    behaviour = failing(StuckError)
    for _ in range(2):
        run(behaviour, back_off, host, journal)
    assert [event.data for event in journal.of("repair.failed")] == [{"what": "one"}]


def test_what_breaks_again_at_once_says_so() -> None:
    host, back_off = fake_host(), a_back_off(converged=True)
    behaviour = Behaviour(todo=["this"])
    run(behaviour, back_off, host)
    behaviour.todo.append("this")
    error = run(behaviour, back_off, host).stage("one").error
    assert error is not None
    assert error.code == "REPAIR_BACKOFF"
    assert "left alone until 00:05:00 UTC" in error.message


def test_a_run_of_some_stages_does_not_make_a_boot_converged() -> None:
    back_off = a_back_off()
    stages = (a_stage("one"), a_stage("two"))
    run_stages(*stages, only=["one"], back_off=back_off)
    assert not back_off.converged
    run_stages(*stages, back_off=back_off)
    assert back_off.converged


def test_what_others_take_away_is_brought_back_each_time() -> None:
    """A share that is away twice within minutes; the gateway on it comes back with it."""
    host, back_off = fake_host(), a_back_off(converged=True)
    share, gateway = Behaviour(), Behaviour()
    stages = (
        a_stage("share", share, repairs_back_off=False),
        a_stage("gateway", gateway, needs=("share",)),
    )
    for _ in range(3):
        share.todo.append("mount")
        gateway.todo.append("start")
        status = run_stages(*stages, host=host, back_off=back_off)
        assert status.result is Result.CONVERGED
        assert status.stage("gateway").state is StageState.CHANGED


def test_what_rests_after_a_repair_keeps_nobody_from_working() -> None:
    """Somebody undoes a setting again and again; that is no reason to let the gateway be down."""
    host, back_off = fake_host(), a_back_off(converged=True)
    setting, gateway = Behaviour(todo=["set"]), Behaviour()
    stages = (a_stage("setting", setting), a_stage("gateway", gateway, needs=("setting",)))
    run_stages(*stages, host=host, back_off=back_off)
    setting.todo.append("set")
    gateway.todo.append("start")
    status = run_stages(*stages, host=host, back_off=back_off)
    assert status.stage("setting").state is StageState.FAILED
    assert status.stage("gateway").state is StageState.CHANGED
    assert status.result is Result.FAILED


def test_what_rests_after_a_failure_still_blocks() -> None:
    host, back_off = fake_host(), a_back_off(converged=True)
    broken, gateway = failing(StuckError), Behaviour(todo=["start"])
    stages = (a_stage("broken", broken), a_stage("gateway", gateway, needs=("broken",)))
    for _ in range(2):
        status = run_stages(*stages, host=host, back_off=back_off)
        assert status.stage("gateway").state is StageState.SKIPPED
