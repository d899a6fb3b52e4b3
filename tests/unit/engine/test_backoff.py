"""How often the timer's runs retry and repair again."""

from datetime import timedelta

import pytest

from clawbot_agent.engine.backoff import BackingOffError, BackOff
from clawbot_agent.host import Host
from clawbot_agent.records.run import BACKOFF, Result, RunStatus, StageError, StageState
from tests.fakes import FakeClock, FakeFiles, fake_host
from tests.unit.engine.scripted import (
    Behavior,
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


def waits(back_off: BackOff, stage: str, minutes: float) -> bool:
    try:
        back_off.check(stage, NOW + timedelta(minutes=minutes))
    except BackingOffError:
        return True
    return False


def again(back_off: BackOff, **changes: object) -> BackOff:
    """Return what the next run reads from the file."""
    files = FakeFiles()
    BACKOFF.save(files, back_off.record)
    known = {"boot_id": "b-1", "config": "c", "binding": True, **changes}
    return BackOff.of(BACKOFF.load(files), **known)  # type: ignore[arg-type]  # as the table has them


@pytest.mark.parametrize(
    ("count", "minutes"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (9, 60)]
)
def test_each_failure_doubles_the_wait_up_to_an_hour(count: int, minutes: int) -> None:
    back_off = a_back_off()
    for _ in range(count):
        back_off.failed("one", STUCK, NOW, backs_off=True)
    assert waits(back_off, "one", minutes - 0.1)
    assert not waits(back_off, "one", minutes)
    assert not waits(back_off, "another", 0)


def test_clock_set_back_ends_the_wait() -> None:
    back_off = a_back_off()
    back_off.failed("one", STUCK, NOW, backs_off=True)
    assert not waits(back_off, "one", -60)


@pytest.mark.parametrize(
    "changes", [{"boot_id": "b-2"}, {"config": "other"}, {"binding": False}], ids=str
)
def test_boot_configuration_and_operator_end_every_wait(changes: dict[str, object]) -> None:
    back_off = a_back_off(converged=True)
    back_off.failed("one", STUCK, NOW, backs_off=True)
    assert waits(again(back_off), "one", 1)
    assert not waits(again(back_off, **changes), "one", 1)
    assert again(back_off).converged
    assert again(back_off, **changes).converged is ("binding" in changes)


def test_no_stage_waits_without_a_readable_record() -> None:
    """A damaged file costs an attempt that was not due yet."""
    files = FakeFiles()
    files.put(BACKOFF.path, '{"schema": 1, "stages": {"one": {"last": "soon"}}}')
    back_off = BackOff.of(BACKOFF.load(files), boot_id="b-1", config="c", binding=True)
    assert not waits(back_off, "one", 0)
    assert not back_off.converged


def test_converged_stage_forgets_its_failures_and_remembers_its_repairs() -> None:
    back_off = a_back_off(converged=True)
    back_off.failed("failed", STUCK, NOW, backs_off=True)
    back_off.changed("repaired", NOW)
    for name in ("failed", "repaired"):
        back_off.unchanged(name, NOW + timedelta(minutes=5))
        back_off.failed(name, STUCK, NOW, backs_off=True)
    assert not waits(back_off, "failed", 5)
    assert waits(back_off, "repaired", 5)


def test_repair_is_forgotten_after_two_hours() -> None:
    back_off = a_back_off(converged=True)
    for _ in range(3):
        back_off.changed("one", NOW)
    back_off.unchanged("one", NOW + timedelta(minutes=119))
    assert waits(back_off, "one", 19)
    back_off.unchanged("one", NOW + timedelta(minutes=120))
    assert not waits(back_off, "one", 19)


def test_repeated_repairs_become_rare() -> None:
    """A gateway that hangs a minute after each restart, probed every five minutes."""
    back_off = a_back_off(converged=True)
    repaired: list[int] = []
    for minute in range(0, 300, 5):
        now = NOW + timedelta(minutes=minute)
        if not waits(back_off, "gateway", minute):
            back_off.changed("gateway", now)
            repaired.append(minute)
    assert repaired == [0, 5, 15, 35, 75, 135, 195, 255]


def test_operators_repair_does_not_back_off() -> None:
    back_off = a_back_off(binding=False, converged=True)
    back_off.changed("one", NOW)
    assert not waits(again(back_off), "one", 0)


def test_failure_of_an_operators_run_backs_off_for_the_timer() -> None:
    back_off = a_back_off(binding=False)
    back_off.failed("one", STUCK, NOW, backs_off=True)
    assert not waits(back_off, "one", 1)
    assert waits(again(back_off), "one", 1)


def test_change_before_convergence_is_no_repair() -> None:
    back_off = a_back_off()
    back_off.changed("one", NOW)
    assert not waits(back_off, "one", 0)


# --- in runs -------------------------------------------------------------------------------


def run(
    behavior: Behavior, back_off: BackOff, host: Host, journal: Journal | None = None
) -> RunStatus:
    return run_stages(a_stage("one", behavior), host=host, journal=journal, back_off=back_off)


def failing(error: type[Exception]) -> Behavior:
    def refuse(_host: Host) -> None:
        msg = "no good"
        raise error(msg)

    return Behavior(todo=["this"], during=refuse)


def test_stage_that_backs_off_reports_its_error_and_changes_nothing() -> None:
    clock = FakeClock()
    host, back_off, behavior = fake_host(clock=clock), a_back_off(), failing(StuckError)
    run(behavior, back_off, host)
    journal = Journal()
    status = run(behavior, back_off, host, journal)
    error = status.stage("one").error
    assert error is not None
    assert (status.result, error.code, error.hint) == (Result.FAILED, "STUCK", "look at it")
    assert error.message == "no good; not tried again before 00:05:00 UTC (1 in a row)"
    assert journal.of("stage.action") == []
    # reporting it does not prolong the wait
    clock.advance(300)
    run(behavior, back_off, host, journal)
    assert len(journal.of("stage.action")) == 1
    clock.advance(301)
    assert "(2 in a row)" in run(behavior, back_off, host).stage("one").reason


def test_stage_that_backs_off_converges_when_nothing_is_left_to_do() -> None:
    """It is probed in each run."""
    host, back_off, behavior = fake_host(), a_back_off(), failing(StuckError)
    run(behavior, back_off, host)
    behavior.todo.clear()
    assert run(behavior, back_off, host).result is Result.CONVERGED
    assert not back_off.failing("one")


def test_transient_error_does_not_back_off() -> None:
    host, back_off, behavior = fake_host(), a_back_off(), failing(PassingError)
    run(behavior, back_off, host)
    journal = Journal()
    run(behavior, back_off, host, journal)
    assert journal.of("stage.action") != []


def test_stage_that_does_not_converge_backs_off() -> None:
    host, back_off = fake_host(), a_back_off()
    behavior = Behavior(todo=["this"], stubborn=True)
    assert run(behavior, back_off, host).stage("one").error is not None
    journal = Journal()
    error = run(behavior, back_off, host, journal).stage("one").error
    assert error is not None
    assert error.code == "NOT_CONVERGED"
    assert journal.of("stage.action") == []


def test_change_in_a_needed_stage_ends_the_wait() -> None:
    host, back_off, behavior = fake_host(), a_back_off(), failing(StuckError)
    need = Behavior()
    stages = (
        a_stage("need", need),
        a_stage("between", needs=("need",)),
        a_stage("one", behavior, needs=("between",)),
    )
    run_stages(*stages, host=host, back_off=back_off)
    need.todo.append("that")
    behavior.during = lambda _host: None
    status = run_stages(*stages, host=host, back_off=back_off)
    assert status.stage("one").state is StageState.CHANGED


def test_recovery_of_a_needed_stage_ends_the_wait() -> None:
    """As with a lease that its daemon takes again: no change is made in that run."""
    host, back_off, behavior = fake_host(), a_back_off(), failing(StuckError)
    need = Behavior()
    stages = (a_stage("need", need), a_stage("one", behavior, needs=("need",)))
    run_stages(*stages, host=host, back_off=back_off)
    need.errors.append(StuckError("away"))
    run_stages(*stages, host=host, back_off=back_off)
    behavior.during = lambda _host: None
    status = run_stages(*stages, host=host, back_off=again(back_off))
    assert status.stage("one").state is StageState.CHANGED


def test_repairs_are_events_after_convergence() -> None:
    host, back_off, journal = fake_host(), a_back_off(), Journal()
    behavior = Behavior(todo=["this"])
    run(behavior, back_off, host, journal)
    assert journal.of("repair.done") == []
    behavior.todo += ["this", "that"]
    run(behavior, back_off, host, journal)
    assert [event.data for event in journal.of("repair.done")] == [{"what": "one"}]


def test_failed_repair_is_an_event_and_waiting_is_none() -> None:
    host, back_off, journal = fake_host(), a_back_off(converged=True), Journal()
    behavior = failing(StuckError)
    for _ in range(2):
        run(behavior, back_off, host, journal)
    assert [event.data for event in journal.of("repair.failed")] == [{"what": "one"}]


def test_repair_that_does_not_last_is_reported() -> None:
    host, back_off = fake_host(), a_back_off(converged=True)
    behavior = Behavior(todo=["this"])
    run(behavior, back_off, host)
    behavior.todo.append("this")
    error = run(behavior, back_off, host).stage("one").error
    assert error is not None
    assert error.code == "REPAIR_BACKOFF"
    assert "broken again; next repair at 00:05:00 UTC" in error.message


def test_run_of_some_stages_does_not_count_as_convergence() -> None:
    back_off = a_back_off()
    stages = (a_stage("one"), a_stage("two"))
    run_stages(*stages, only=["one"], back_off=back_off)
    assert not back_off.converged
    run_stages(*stages, back_off=back_off)
    assert back_off.converged


def test_stage_without_backoff_is_repaired_each_time() -> None:
    """A share that fails twice within minutes; the gateway on it returns with it."""
    host, back_off = fake_host(), a_back_off(converged=True)
    share, gateway = Behavior(), Behavior()
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


def test_backoff_after_a_repair_does_not_block_other_stages() -> None:
    """A setting that another tool keeps undoing is no reason to keep the gateway down."""
    host, back_off = fake_host(), a_back_off(converged=True)
    setting, gateway = Behavior(todo=["set"]), Behavior()
    stages = (a_stage("setting", setting), a_stage("gateway", gateway, needs=("setting",)))
    run_stages(*stages, host=host, back_off=back_off)
    setting.todo.append("set")
    gateway.todo.append("start")
    status = run_stages(*stages, host=host, back_off=back_off)
    assert status.stage("setting").state is StageState.FAILED
    assert status.stage("gateway").state is StageState.CHANGED
    assert status.result is Result.FAILED


def test_backoff_after_a_failure_blocks_other_stages() -> None:
    host, back_off = fake_host(), a_back_off(converged=True)
    broken, gateway = failing(StuckError), Behavior(todo=["start"])
    stages = (a_stage("broken", broken), a_stage("gateway", gateway, needs=("broken",)))
    for _ in range(2):
        status = run_stages(*stages, host=host, back_off=back_off)
        assert status.stage("gateway").state is StageState.SKIPPED
