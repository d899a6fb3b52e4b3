"""An operator's leave request."""

from datetime import timedelta

import pytest

from clawbot_agent.core.paths import LEAVE_FILE
from clawbot_agent.records.shutdown import LEAVE_REQUEST, LeaveRequest
from tests.unit.lifecycle.shutdown.world import World


@pytest.fixture(params=[200, 0], ids=["azure", "without a metadata service"])
def world(request: pytest.FixtureRequest) -> World:
    """An instance whose watcher has run for a while."""
    made = World(status=request.param)
    made.pass_(60)
    return made


def request(world: World, minutes: float = 15) -> None:
    """Write a leave request."""
    until = world.clock.now() + timedelta(minutes=minutes)
    LEAVE_REQUEST.save(world.files, LeaveRequest(until))


def test_leave_request_is_handled_like_an_event(world: World) -> None:
    request(world)
    world.pass_(90)
    order = [what for _second, what in world.instance.done]
    assert order == ["stop runs", "stop gateway", "sync 10", "stop gateway", "release", "sync 10"]
    assert (world.report["kind"], world.report["phase"]) == ("Leave", "approved")
    assert world.approved == []


def test_instance_goes_back_to_work_when_the_request_expires(world: World) -> None:
    request(world, minutes=15)
    world.pass_(14 * 60)
    assert not world.instance.asked("return")
    world.pass_(3 * 60)
    assert world.instance.asked("return")
    assert world.report["leaving"] is False


@pytest.mark.parametrize("again", [False, True], ids=["same watcher", "restarted watcher"])
def test_canceled_request_brings_the_bot_back(world: World, *, again: bool) -> None:
    request(world)
    world.pass_(90)
    if again:
        world.start()
    world.files.remove(LEAVE_FILE)
    world.pass_(95)
    assert world.instance.asked("return")
    assert "Leave was canceled" in world.reported[-1][1]


def test_gateway_may_drain_for_330_s(world: World) -> None:
    world.instance.drains_in = 1000
    began = world.clock.monotonic()
    request(world)
    world.pass_(600)
    assert 325 <= world.instance.when("kill gateway") - began <= 365


def test_failed_release_is_reported(world: World) -> None:
    world.instance.refuses = "stopped while the state was mounted"
    request(world)
    world.pass_(200)
    assert world.report["phase"] == "unsafe"


def test_event_during_a_leave_request_is_approved() -> None:
    world = World()
    world.pass_(10)
    request(world)
    world.pass_(60)
    world.announce("Terminate")
    world.pass_(10)
    assert [one for _second, one in world.approved] == ["E"]


def test_event_stays_when_the_request_is_canceled() -> None:
    world = World()
    world.pass_(10)
    world.announce("Terminate", seconds=900)
    request(world)
    world.pass_(60)
    world.files.remove(LEAVE_FILE)
    world.pass_(120)
    assert not world.instance.asked("return")


def test_cancel_after_an_approval_has_no_effect() -> None:
    """The machine is about to stop: nothing may start on it."""
    world = World()
    world.pass_(10)
    request(world)
    world.pass_(60)
    world.announce("Terminate")
    world.pass_(10)
    world.events.clear()
    world.files.remove(LEAVE_FILE)
    world.pass_(300)
    assert not world.instance.asked("return")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"until": 5}', '{"until": "soon"}', '"x"'])
def test_damaged_request_is_ignored(text: str) -> None:
    world = World()
    world.files.write(LEAVE_FILE, text, mode=0o644)
    world.pass_(60)
    assert world.instance.done == []
