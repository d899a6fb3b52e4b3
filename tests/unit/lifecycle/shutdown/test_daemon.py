"""An announced end: what is done, in which order, and when Azure is told to go ahead."""

from datetime import timedelta

import pytest

from clawbot_agent.core.paths import SCHEDULED_EVENTS_FILE
from clawbot_agent.lifecycle.shutdown.leave import drain_seconds
from clawbot_agent.lifecycle.shutdown.leave_request import Wish, withdraw
from clawbot_agent.lifecycle.shutdown.report import read_report
from tests.unit.lifecycle.shutdown.world import ME, World


@pytest.fixture
def world() -> World:
    """An instance that has been watching for a while."""
    made = World()
    made.pass_(10)
    return made


@pytest.mark.parametrize("kind", ["Terminate", "Preempt", "Reboot", "Redeploy"])
def test_the_memory_is_safe_before_azure_is_told(world: World, kind: str) -> None:
    began = world.clock.monotonic()
    world.announce(kind)
    world.pass_(60)
    order = [what for _second, what in world.instance.done]
    assert order[:3] == ["hold runs", "stop gateway", "sync 10"]
    assert [one for _second, one in world.agreed] == ["E"]
    agreed = world.agreed[0][0]
    assert world.instance.when("release") + 2 <= agreed
    assert agreed - began <= 30
    assert world.report["phase"] == "agreed"
    assert [name for name, _text in world.told] == [
        f"scheduled.{one}" for one in ("announced", "flushing", "flushed", "agreed")
    ]


def test_an_event_is_noticed_within_seconds(world: World) -> None:
    began = world.clock.monotonic()
    world.announce("Terminate")
    world.pass_(5)
    assert world.instance.when("stop gateway") - began <= 2


def test_no_run_may_start_from_the_first_moment_on(world: World) -> None:
    """The report is there before anything is stopped."""
    seen = []
    world.instance.on_hold = lambda: seen.append(world.report["leaving"])
    world.announce("Terminate")
    world.pass_(5)
    assert seen == [True]


def test_a_run_that_is_under_way_cannot_bring_the_gateway_back(world: World) -> None:
    """It may have started it in its last moment, so it is stopped again when the run is over."""
    world.instance.run_ends_in, world.instance.drains_in = 8, 0
    began = world.clock.monotonic()
    world.announce("Terminate")
    world.pass_(20)
    stops = [second for second, what in world.instance.done if what == "stop gateway"]
    assert len(stops) == 2
    assert stops[1] - began >= 8
    assert world.instance.when("release") >= stops[1]


def test_sessions_that_do_not_end_are_cut_off_in_time(world: World) -> None:
    world.instance.drains_in = 1000
    began = world.clock.monotonic()
    world.announce("Terminate", seconds=300)
    world.pass_(290)
    assert 235 <= world.instance.when("kill gateway") - began <= 245
    assert world.agreed[0][0] - began < 300


def test_an_eviction_leaves_half_a_minute(world: World) -> None:
    world.instance.drains_in = 1000
    began = world.clock.monotonic()
    world.announce("Preempt", seconds=30)
    world.pass_(29)
    assert world.instance.when("sync") - began <= 2
    assert world.instance.when("kill gateway") - began <= 20
    assert world.agreed[0][0] - began <= 28


def test_a_gateway_that_cannot_be_killed_does_not_keep_the_state(world: World) -> None:
    """Docker hangs: the lease's stop fences."""
    world.instance.drains_in, world.instance.dies = 1000, False
    began = world.clock.monotonic()
    world.announce("Preempt", seconds=30)
    world.pass_(29)
    assert world.instance.when("release") - began <= 27


def test_an_end_that_comes_sooner_than_announced_hurries(world: World) -> None:
    world.instance.drains_in = 1000
    world.announce("Terminate", seconds=900)
    world.pass_(10)
    assert not world.instance.asked("kill")
    began = world.clock.monotonic()
    world.announce("Terminate", seconds=20)
    world.pass_(15)
    assert world.instance.when("kill gateway") - began <= 15


def test_one_that_has_started_is_met_with_what_is_left(world: World) -> None:
    world.instance.drains_in = 1000
    began = world.clock.monotonic()
    world.announce("Terminate", seconds=None)
    world.pass_(5)
    assert world.instance.when("kill gateway") - began <= 5
    assert world.agreed == []


@pytest.mark.parametrize(("left", "drain"), [(900, 330), (300, 240), (30, 18), (5, 3), (0, 0)])
def test_how_long_the_gateway_may_take(left: float, drain: float) -> None:
    assert drain_seconds(left) == pytest.approx(drain)


def test_what_could_not_be_flushed_is_not_agreed_to(world: World) -> None:
    """The rest of the time may still help the memory."""
    world.instance.refuses = "stopped while the state was mounted"
    world.announce("Terminate")
    world.pass_(200)
    assert world.agreed == []
    assert (world.report["phase"], world.report["problem"]) == (
        "unsafe",
        "stopped while the state was mounted",
    )
    assert world.told[-1][0] == "scheduled.unsafe"


def test_nor_what_could_not_be_written(world: World) -> None:
    world.instance.syncs = False
    world.announce("Terminate")
    world.pass_(200)
    assert world.agreed == []
    assert world.report["phase"] == "unsafe"


def test_an_event_about_other_machines_too_is_not_agreed_to(world: World) -> None:
    """They may not be ready."""
    world.announce("Reboot", ME, "bot-vmss_8")
    world.pass_(60)
    assert world.agreed == []
    assert world.report["phase"] == "flushed"
    assert "other machines" in world.report["problem"]


def test_an_event_about_others_only_is_nothing(world: World) -> None:
    world.announce("Terminate", "bot-vmss_8")
    world.pass_(60)
    assert world.instance.done == []
    assert world.told == []


def test_the_own_name_is_known_in_any_case(world: World) -> None:
    world.announce("Terminate", ME.upper())
    world.pass_(60)
    assert len(world.agreed) == 1


def test_a_freeze_is_noted_once(world: World) -> None:
    world.announce("Freeze")
    world.pass_(60)
    assert world.instance.done == []
    assert [name for name, _text in world.told] == ["scheduled.noted"]


@pytest.mark.parametrize("status", [0, 404, 410, 429, 500, 503])
def test_an_agreement_that_does_not_arrive_is_repeated(world: World, status: int) -> None:
    world.agreement = status
    world.announce("Terminate")
    world.pass_(60)
    assert world.report["phase"] == "flushed"
    world.agreement = 200
    world.pass_(5)
    assert len(world.agreed) == 1
    assert (world.report["phase"], world.report["problem"]) == ("agreed", "")


@pytest.mark.parametrize("status", [0, 404, 410, 429, 500, 503])
def test_trouble_with_the_metadata_service_is_no_news(world: World, status: int) -> None:
    world.status = status
    world.pass_(3600)
    assert world.told == []
    assert world.report["problem"].startswith("scheduled events: ")
    world.status = 200
    world.announce("Terminate")
    world.pass_(15)
    assert world.instance.asked("stop gateway")


def test_trouble_in_the_middle_does_not_stop_it(world: World) -> None:
    world.announce("Terminate")
    world.pass_(5)
    world.status = 0
    world.pass_(60)
    assert world.instance.asked("release")
    assert len(world.agreed) == 1
    assert not world.instance.asked("return")


def test_a_document_that_is_none_is_trouble_too(world: World) -> None:
    world.events["E"] = {"EventId": "E"}
    world.pass_(10)
    assert world.instance.done == []
    assert "none" in world.report["problem"]


def test_one_that_is_called_off_brings_the_bot_back(world: World) -> None:
    world.announce("Terminate", ME, "bot-vmss_8", seconds=900)
    world.pass_(60)
    world.events.clear()
    world.pass_(35)
    assert world.instance.asked("return")
    assert world.report["leaving"] is False
    assert world.told[-1][0] == "scheduled.over"
    assert "called off" in world.told[-1][1]


def test_half_a_minute_without_it_is_no_calling_off(world: World) -> None:
    """A metadata service that was just restarted has nothing on its list at first."""
    world.announce("Terminate", ME, "bot-vmss_8", seconds=900)
    world.pass_(60)
    kept = dict(world.events)
    for _ in range(3):
        world.events.clear()
        world.pass_(25)
        world.events.update(kept)
        world.pass_(5)
    assert not world.instance.asked("return")


@pytest.mark.parametrize("again", [False, True], ids=["same life", "started anew"])
def test_an_agreement_whose_answer_was_lost_is_one(world: World, *, again: bool) -> None:
    """Azure takes the event off its list and ends the machine: nothing may be started now."""
    world.agreement = 0
    world.announce("Terminate", seconds=900)
    world.pass_(60)
    assert world.report["phase"] == "flushed"
    world.events.clear()
    if again:
        world.start()
    world.pass_(400)
    assert not world.instance.asked("return")
    assert world.report["leaving"] is True


def test_who_is_still_there_long_after_goes_back_to_work(world: World) -> None:
    world.announce("Redeploy")
    world.pass_(60)
    world.events.clear()
    world.pass_(500)
    assert not world.instance.asked("return")
    world.pass_(120)
    assert world.instance.asked("return")
    assert world.report["phase"] == "watching"


def test_after_that_the_next_event_is_met_like_the_first(world: World) -> None:
    world.announce("Reboot", name="first")
    world.pass_(60)
    world.events.clear()
    world.pass_(700)
    world.announce("Terminate", name="second")
    world.pass_(60)
    assert [one for _second, one in world.agreed] == ["first", "second"]


def test_a_second_event_meanwhile_is_agreed_to_as_well(world: World) -> None:
    world.announce("Reboot", seconds=900, name="first")
    world.pass_(5)
    world.announce("Terminate", seconds=300, name="second")
    world.pass_(60)
    assert {one for _second, one in world.agreed} == {"first", "second"}


def test_a_daemon_that_was_killed_goes_on(world: World) -> None:
    world.announce("Terminate")
    world.pass_(5)
    world.start()
    world.pass_(60)
    assert len(world.agreed) == 1


def test_one_that_comes_back_when_all_is_called_off_notices(world: World) -> None:
    world.announce("Terminate", seconds=900)
    world.pass_(5)
    world.events.clear()
    world.start()
    world.pass_(60)
    assert world.instance.asked("return")


def test_who_stops_watching_leaves_no_stale_report(world: World) -> None:
    world.daemon.host.limit.cancelled.set()
    world.daemon.run()
    assert world.files.stat(SCHEDULED_EVENTS_FILE) is None


def test_but_what_has_begun_stays_told(world: World) -> None:
    """Else the next run would start the gateway again."""
    world.announce("Terminate")
    world.pass_(5)
    world.daemon.host.limit.cancelled.set()
    world.daemon.run()
    assert world.report["leaving"] is True


def test_the_first_answer_is_told_at_once() -> None:
    world = World()
    world.daemon.tick()
    assert world.report["answered"] is not None


def test_outside_azure_it_asks_seldom_and_says_nothing() -> None:
    world = World(status=0)
    world.pass_(3600)
    assert world.told == []
    assert len(world.metadata.calls) <= 130
    assert world.report["answered"] is None


def test_the_keys_of_the_report_are_a_promise(world: World) -> None:
    world.announce("Terminate")
    world.pass_(5)
    assert world.report == {
        "schema": 1,
        "phase": "draining",
        "leaving": True,
        "kind": "Terminate",
        "not_before": "2026-01-01T00:05:10+00:00",
        "problem": "",
        "answered": "2026-01-01T00:00:10+00:00",
        "updated": "2026-01-01T00:00:10+00:00",
    }
    report = read_report(world.files)
    assert report is not None
    assert report.text == "Terminate at 00:05:10 UTC, draining"


def test_the_report_is_kept_fresh(world: World) -> None:
    world.pass_(100)
    report = read_report(world.files)
    assert report is not None
    assert (world.clock.now() - report.updated).total_seconds() <= 12


def test_a_report_that_cannot_be_written_is_told_once_and_stops_nothing(world: World) -> None:
    world.files.refused.add(SCHEDULED_EVENTS_FILE)
    world.announce("Terminate")
    world.pass_(100)
    told = [text for name, text in world.told if name == "scheduled.trouble"]
    assert told == [f"the report is not written: {SCHEDULED_EVENTS_FILE}: No space left on device"]
    assert len(world.agreed) == 1


@pytest.mark.parametrize("kind", ["Reboot", "Redeploy"])
def test_the_reboot_that_the_boot_comes_from_is_no_reason_to_leave(kind: str) -> None:
    """Azure lists it as started for ten minutes more; with /run the report of it is gone."""
    world = World()
    world.announce(kind, seconds=None)
    world.pass_(900)
    assert world.instance.done == []
    assert world.report["phase"] == "watching"
    assert [name for name, _text in world.told] == ["scheduled.noted"]
    # the next one counts
    world.announce(kind, seconds=300, name="F")
    world.pass_(60)
    assert [one for _second, one in world.agreed] == ["F"]


def test_a_terminate_that_has_started_counts_also_after_a_boot() -> None:
    world = World()
    world.announce("Terminate", seconds=None)
    world.pass_(5)
    assert world.instance.asked("stop gateway")


def test_one_that_started_long_ago_keeps_nobody_ten_minutes_more(world: World) -> None:
    """The ten minutes count from its start, and not from when Azure takes it off the list."""
    world.announce("Reboot", seconds=None)
    world.pass_(580)
    world.events.clear()
    began = world.clock.monotonic()
    world.pass_(120)
    assert world.instance.when("return") - began <= 60


def test_what_was_too_slow_to_be_written_is_tried_again(world: World) -> None:
    world.instance.syncs, world.instance.drains_in = False, 1
    world.announce("Terminate", seconds=900)
    world.pass_(30)
    assert world.report["phase"] == "unsafe"
    assert world.agreed == []
    world.instance.syncs = True
    world.pass_(10)
    assert (world.report["phase"], world.report["problem"]) == ("agreed", "")
    assert [one for _second, one in world.agreed] == ["E"]


def test_a_state_that_is_not_released_stays_unsafe(world: World) -> None:
    world.instance.refuses, world.instance.drains_in = "busy", 1
    world.announce("Terminate", seconds=900)
    world.pass_(300)
    assert world.report["phase"] == "unsafe"
    assert world.agreed == []


def test_what_did_not_end_is_named(world: World) -> None:
    world.instance.run_ends_in, world.instance.drains_in = 1000, 1
    world.announce("Terminate", seconds=300)
    world.pass_(250)
    told = [text for name, text in world.told if name == "scheduled.flushing"]
    assert "a run of the agent did not end" in told[0]


def test_the_report_says_that_it_has_started(world: World) -> None:
    world.instance.drains_in = 1000
    world.announce("Terminate", seconds=60)
    world.pass_(5)
    assert world.report["not_before"] is not None
    world.announce("Terminate", seconds=None)
    world.pass_(5)
    assert world.report["not_before"] is None


def test_azures_event_counts_for_more_than_an_operators_wish(world: World) -> None:
    """It is told; and once Azure was told to go ahead, nobody calls that off."""
    Wish(world.clock.now() + timedelta(minutes=15)).write(world.files)
    world.pass_(60)
    assert (world.report["kind"], world.agreed) == ("Leave", [])
    world.announce("Terminate")
    world.pass_(5)
    assert (world.report["kind"], world.report["phase"]) == ("Terminate", "agreed")
    announced = [text for name, text in world.told if name == "scheduled.announced"]
    assert [text.split()[0] for text in announced] == ["Leave", "Terminate"]
    # Azure takes it off its list, and the daemon is started anew, and once more
    world.events.clear()
    for _ in range(2):
        world.pass_(10)
        world.start()
    world.pass_(10)
    withdraw(world.files)
    world.pass_(60)
    assert not world.instance.asked("return")
