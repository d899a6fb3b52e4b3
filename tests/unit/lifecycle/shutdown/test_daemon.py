"""A scheduled event: the steps of the shutdown, and when the event is approved."""

from datetime import timedelta

import pytest

from clawbot_agent.core.paths import LEAVE_FILE, SCHEDULED_EVENTS_FILE
from clawbot_agent.lifecycle.shutdown.leave import drain_seconds
from clawbot_agent.records.shutdown import LEAVE_REQUEST, SHUTDOWN, LeaveRequest
from tests.unit.lifecycle.shutdown.world import ME, World


@pytest.fixture
def world() -> World:
    """An instance whose watcher has run for a while."""
    made = World()
    made.pass_(10)
    return made


@pytest.mark.parametrize("kind", ["Terminate", "Preempt", "Reboot", "Redeploy"])
def test_bot_data_is_safe_before_the_event_is_approved(world: World, kind: str) -> None:
    began = world.clock.monotonic()
    world.announce(kind)
    world.pass_(60)
    order = [what for _second, what in world.instance.done]
    assert order[:3] == ["stop runs", "stop gateway", "sync 10"]
    assert [one for _second, one in world.approved] == ["E"]
    approved = world.approved[0][0]
    assert world.instance.when("release") + 2 <= approved
    assert approved - began <= 30
    assert world.report["phase"] == "approved"
    assert [name for name, _text in world.reported] == [
        f"scheduled.{one}" for one in ("announced", "flushing", "flushed", "approved")
    ]


def test_event_is_noticed_within_seconds(world: World) -> None:
    began = world.clock.monotonic()
    world.announce("Terminate")
    world.pass_(5)
    assert world.instance.when("stop gateway") - began <= 2


def test_report_is_written_before_anything_is_stopped(world: World) -> None:
    """From then on no run starts."""
    seen = []
    world.instance.on_stop = lambda: seen.append(world.report["leaving"])
    world.announce("Terminate")
    world.pass_(5)
    assert seen == [True]


def test_gateway_is_stopped_again_after_the_present_run(world: World) -> None:
    """The run may have started the gateway in its last moment."""
    world.instance.run_ends_in, world.instance.drains_in = 8, 0
    began = world.clock.monotonic()
    world.announce("Terminate")
    world.pass_(20)
    stops = [second for second, what in world.instance.done if what == "stop gateway"]
    assert len(stops) == 2
    assert stops[1] - began >= 8
    assert world.instance.when("release") >= stops[1]


def test_gateway_is_killed_in_time_when_its_sessions_do_not_end(world: World) -> None:
    world.instance.drains_in = 1000
    began = world.clock.monotonic()
    world.announce("Terminate", seconds=300)
    world.pass_(290)
    assert 235 <= world.instance.when("kill gateway") - began <= 245
    assert world.approved[0][0] - began < 300


def test_eviction_within_30_s_is_approved_in_time(world: World) -> None:
    world.instance.drains_in = 1000
    began = world.clock.monotonic()
    world.announce("Preempt", seconds=30)
    world.pass_(29)
    assert world.instance.when("sync") - began <= 2
    assert world.instance.when("kill gateway") - began <= 20
    assert world.approved[0][0] - began <= 28


def test_lease_is_released_although_the_gateway_cannot_be_killed(world: World) -> None:
    """Docker hangs: stopping the lease fences the gateway."""
    world.instance.drains_in, world.instance.dies = 1000, False
    began = world.clock.monotonic()
    world.announce("Preempt", seconds=30)
    world.pass_(29)
    assert world.instance.when("release") - began <= 27


def test_earlier_start_shortens_the_drain(world: World) -> None:
    world.instance.drains_in = 1000
    world.announce("Terminate", seconds=900)
    world.pass_(10)
    assert not world.instance.asked("kill")
    began = world.clock.monotonic()
    world.announce("Terminate", seconds=20)
    world.pass_(15)
    assert world.instance.when("kill gateway") - began <= 15


def test_started_event_gets_the_remaining_time(world: World) -> None:
    world.instance.drains_in = 1000
    began = world.clock.monotonic()
    world.announce("Terminate", seconds=None)
    world.pass_(5)
    assert world.instance.when("kill gateway") - began <= 5
    assert world.approved == []


@pytest.mark.parametrize(("left", "drain"), [(900, 330), (300, 240), (30, 18), (5, 3), (0, 0)])
def test_drain_leaves_time_for_the_release(left: float, drain: float) -> None:
    assert drain_seconds(left) == pytest.approx(drain)


def test_event_is_not_approved_when_the_release_fails(world: World) -> None:
    """The remaining time may still save the bot data."""
    world.instance.refuses = "stopped while the state was mounted"
    world.announce("Terminate")
    world.pass_(200)
    assert world.approved == []
    assert (world.report["phase"], world.report["problem"]) == (
        "unsafe",
        "stopped while the state was mounted",
    )
    assert world.reported[-1][0] == "scheduled.unsafe"


def test_event_is_not_approved_when_the_sync_fails(world: World) -> None:
    world.instance.syncs = False
    world.announce("Terminate")
    world.pass_(200)
    assert world.approved == []
    assert world.report["phase"] == "unsafe"


def test_event_about_other_machines_too_is_not_approved(world: World) -> None:
    """They may not be ready."""
    world.announce("Reboot", ME, "bot-vmss_8")
    world.pass_(60)
    assert world.approved == []
    assert world.report["phase"] == "flushed"
    assert "other machines" in world.report["problem"]


def test_event_about_other_machines_is_ignored(world: World) -> None:
    world.announce("Terminate", "bot-vmss_8")
    world.pass_(60)
    assert world.instance.done == []
    assert world.reported == []


def test_name_of_the_instance_matches_in_any_case(world: World) -> None:
    world.announce("Terminate", ME.upper())
    world.pass_(60)
    assert len(world.approved) == 1


def test_freeze_is_noted_once(world: World) -> None:
    world.announce("Freeze")
    world.pass_(60)
    assert world.instance.done == []
    assert [name for name, _text in world.reported] == ["scheduled.noted"]


@pytest.mark.parametrize("status", [0, 404, 410, 429, 500, 503])
def test_failed_approval_is_repeated(world: World, status: int) -> None:
    world.approval_status = status
    world.announce("Terminate")
    world.pass_(60)
    assert world.report["phase"] == "flushed"
    world.approval_status = 200
    world.pass_(5)
    assert len(world.approved) == 1
    assert (world.report["phase"], world.report["problem"]) == ("approved", "")


@pytest.mark.parametrize("status", [0, 404, 410, 429, 500, 503])
def test_unavailable_metadata_service_is_not_reported_as_an_event(
    world: World, status: int
) -> None:
    world.status = status
    world.pass_(3600)
    assert world.reported == []
    assert world.report["problem"].startswith("scheduled events: ")
    world.status = 200
    world.announce("Terminate")
    world.pass_(15)
    assert world.instance.asked("stop gateway")


def test_shutdown_continues_while_the_metadata_service_is_unavailable(world: World) -> None:
    world.announce("Terminate")
    world.pass_(5)
    world.status = 0
    world.pass_(60)
    assert world.instance.asked("release")
    assert len(world.approved) == 1
    assert not world.instance.asked("return")


def test_malformed_document_is_a_problem(world: World) -> None:
    world.events["E"] = {"EventId": "E"}
    world.pass_(10)
    assert world.instance.done == []
    assert "unreadable" in world.report["problem"]


def test_canceled_event_brings_the_bot_back(world: World) -> None:
    world.announce("Terminate", ME, "bot-vmss_8", seconds=900)
    world.pass_(60)
    world.events.clear()
    world.pass_(35)
    assert world.instance.asked("return")
    assert world.report["leaving"] is False
    assert world.reported[-1][0] == "scheduled.over"
    assert "canceled" in world.reported[-1][1]


def test_event_missing_for_25_s_is_not_canceled(world: World) -> None:
    """A metadata service that has just restarted lists nothing at first."""
    world.announce("Terminate", ME, "bot-vmss_8", seconds=900)
    world.pass_(60)
    kept = dict(world.events)
    for _ in range(3):
        world.events.clear()
        world.pass_(25)
        world.events.update(kept)
        world.pass_(5)
    assert not world.instance.asked("return")


@pytest.mark.parametrize("again", [False, True], ids=["same watcher", "restarted watcher"])
def test_approval_counts_when_its_answer_is_lost(world: World, *, again: bool) -> None:
    """Azure removes the event and stops the machine: nothing may start now."""
    world.approval_status = 0
    world.announce("Terminate", seconds=900)
    world.pass_(60)
    assert world.report["phase"] == "flushed"
    world.events.clear()
    if again:
        world.start()
    world.pass_(400)
    assert not world.instance.asked("return")
    assert world.report["leaving"] is True


def test_instance_that_survives_goes_back_to_work(world: World) -> None:
    world.announce("Redeploy")
    world.pass_(60)
    world.events.clear()
    world.pass_(500)
    assert not world.instance.asked("return")
    world.pass_(120)
    assert world.instance.asked("return")
    assert world.report["phase"] == "watching"


def test_next_event_is_handled_like_the_first(world: World) -> None:
    world.announce("Reboot", name="first")
    world.pass_(60)
    world.events.clear()
    world.pass_(700)
    world.announce("Terminate", name="second")
    world.pass_(60)
    assert [one for _second, one in world.approved] == ["first", "second"]


def test_second_event_during_the_shutdown_is_approved_as_well(world: World) -> None:
    world.announce("Reboot", seconds=900, name="first")
    world.pass_(5)
    world.announce("Terminate", seconds=300, name="second")
    world.pass_(60)
    assert {one for _second, one in world.approved} == {"first", "second"}


def test_restarted_watcher_continues(world: World) -> None:
    world.announce("Terminate")
    world.pass_(5)
    world.start()
    world.pass_(60)
    assert len(world.approved) == 1


def test_restarted_watcher_notices_a_canceled_event(world: World) -> None:
    world.announce("Terminate", seconds=900)
    world.pass_(5)
    world.events.clear()
    world.start()
    world.pass_(60)
    assert world.instance.asked("return")


def test_stopped_watcher_leaves_no_stale_report(world: World) -> None:
    world.daemon.host.limit.canceled.set()
    world.daemon.run()
    assert world.files.stat(SCHEDULED_EVENTS_FILE) is None


def test_stopped_watcher_leaves_the_report_of_a_shutdown(world: World) -> None:
    """Else the next run would start the gateway again."""
    world.announce("Terminate")
    world.pass_(5)
    world.daemon.host.limit.canceled.set()
    world.daemon.run()
    assert world.report["leaving"] is True


def test_first_answer_is_reported_at_once() -> None:
    world = World()
    world.daemon.tick()
    assert world.report["answered"] is not None


def test_watcher_queries_rarely_outside_azure() -> None:
    world = World(status=0)
    world.pass_(3600)
    assert world.reported == []
    assert len(world.metadata.calls) <= 130
    assert world.report["answered"] is None


def test_report_keys_are_a_promise(world: World) -> None:
    world.announce("Terminate")
    world.pass_(5)
    assert world.report == {
        "schema": 1,
        "phase": "draining",
        "leaving": True,
        "kind": "Terminate",
        "not_before": "2026-01-01T00:05:10.000+00:00",
        "problem": "",
        "answered": "2026-01-01T00:00:10.000+00:00",
        "updated": "2026-01-01T00:00:10.000+00:00",
    }
    report = SHUTDOWN.load(world.files)
    assert report is not None
    assert report.text == "Terminate at 00:05:10 UTC, draining"


def test_report_is_kept_fresh(world: World) -> None:
    world.pass_(100)
    report = SHUTDOWN.load(world.files)
    assert report is not None
    assert (world.clock.now() - report.updated).total_seconds() <= 12


def test_report_that_cannot_be_written_is_reported_once_and_stops_nothing(
    world: World,
) -> None:
    world.files.refused.add(SCHEDULED_EVENTS_FILE)
    world.announce("Terminate")
    world.pass_(100)
    texts = [text for name, text in world.reported if name == "scheduled.trouble"]
    problem = f"{SCHEDULED_EVENTS_FILE}: No space left on device"
    assert texts == [f"the report cannot be written: {problem}"]
    assert len(world.approved) == 1


@pytest.mark.parametrize("kind", ["Reboot", "Redeploy"])
def test_reboot_that_caused_this_boot_is_no_reason_to_leave(kind: str) -> None:
    """Azure lists it as started for ten more minutes; the report of it was in /run."""
    world = World()
    world.announce(kind, seconds=None)
    world.pass_(900)
    assert world.instance.done == []
    assert world.report["phase"] == "watching"
    assert [name for name, _text in world.reported] == ["scheduled.noted"]
    # the next one counts
    world.announce(kind, seconds=300, name="F")
    world.pass_(60)
    assert [one for _second, one in world.approved] == ["F"]


def test_started_terminate_counts_after_a_boot() -> None:
    world = World()
    world.announce("Terminate", seconds=None)
    world.pass_(5)
    assert world.instance.asked("stop gateway")


def test_ten_minutes_count_from_the_start_of_an_event(world: World) -> None:
    """Not from when Azure removes it from the list."""
    world.announce("Reboot", seconds=None)
    world.pass_(580)
    world.events.clear()
    began = world.clock.monotonic()
    world.pass_(120)
    assert world.instance.when("return") - began <= 60


def test_sync_that_was_too_slow_is_repeated(world: World) -> None:
    world.instance.syncs, world.instance.drains_in = False, 1
    world.announce("Terminate", seconds=900)
    world.pass_(30)
    assert world.report["phase"] == "unsafe"
    assert world.approved == []
    world.instance.syncs = True
    world.pass_(10)
    assert (world.report["phase"], world.report["problem"]) == ("approved", "")
    assert [one for _second, one in world.approved] == ["E"]


def test_failed_release_stays_unsafe(world: World) -> None:
    world.instance.refuses, world.instance.drains_in = "busy", 1
    world.announce("Terminate", seconds=900)
    world.pass_(300)
    assert world.report["phase"] == "unsafe"
    assert world.approved == []


def test_report_names_what_did_not_stop(world: World) -> None:
    world.instance.run_ends_in, world.instance.drains_in = 1000, 1
    world.announce("Terminate", seconds=300)
    world.pass_(250)
    texts = [text for name, text in world.reported if name == "scheduled.flushing"]
    assert "a run of the agent did not stop" in texts[0]


def test_report_shows_that_the_event_has_started(world: World) -> None:
    world.instance.drains_in = 1000
    world.announce("Terminate", seconds=60)
    world.pass_(5)
    assert world.report["not_before"] is not None
    world.announce("Terminate", seconds=None)
    world.pass_(5)
    assert world.report["not_before"] is None


def test_azures_event_has_priority_over_a_leave_request(world: World) -> None:
    """And after its approval, canceling the leave request has no effect."""
    until = world.clock.now() + timedelta(minutes=15)
    LEAVE_REQUEST.save(world.files, LeaveRequest(until))
    world.pass_(60)
    assert (world.report["kind"], world.approved) == ("Leave", [])
    world.announce("Terminate")
    world.pass_(5)
    assert (world.report["kind"], world.report["phase"]) == ("Terminate", "approved")
    announced = [text for name, text in world.reported if name == "scheduled.announced"]
    assert [text.split()[0] for text in announced] == ["Leave", "Terminate"]
    # Azure removes it from the list, and the watcher restarts twice
    world.events.clear()
    for _ in range(2):
        world.pass_(10)
        world.start()
    world.pass_(10)
    world.files.remove(LEAVE_FILE)
    world.pass_(60)
    assert not world.instance.asked("return")
