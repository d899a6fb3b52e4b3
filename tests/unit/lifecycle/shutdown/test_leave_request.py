"""An operator's wish that the instance leaves."""

from datetime import timedelta

import pytest

from clawbot_agent.core.paths import LEAVE_FILE
from clawbot_agent.lifecycle.shutdown.leave_request import Wish, read_wish, withdraw
from tests.unit.lifecycle.shutdown.world import World


@pytest.fixture(params=[200, 0], ids=["azure", "without a metadata service"])
def world(request: pytest.FixtureRequest) -> World:
    """An instance that has been watching for a while."""
    made = World(status=request.param)
    made.pass_(60)
    return made


def wish(world: World, minutes: float = 15) -> None:
    """An operator asks."""
    Wish(world.clock.now() + timedelta(minutes=minutes)).write(world.files)


def test_it_is_met_like_one_of_azures_announcements(world: World) -> None:
    wish(world)
    world.pass_(90)
    order = [what for _second, what in world.instance.done]
    assert order == ["hold runs", "stop gateway", "sync 10", "stop gateway", "release", "sync 10"]
    assert (world.report["kind"], world.report["phase"]) == ("Leave", "agreed")
    assert world.agreed == []


def test_who_is_still_here_goes_back_to_work_when_the_time_is_over(world: World) -> None:
    wish(world, minutes=15)
    world.pass_(14 * 60)
    assert not world.instance.asked("return")
    world.pass_(3 * 60)
    assert world.instance.asked("return")
    assert world.report["leaving"] is False


@pytest.mark.parametrize("again", [False, True], ids=["same life", "started anew"])
def test_a_wish_that_is_called_off_brings_the_bot_back(world: World, *, again: bool) -> None:
    wish(world)
    world.pass_(90)
    if again:
        world.start()
    withdraw(world.files)
    world.pass_(95)
    assert world.instance.asked("return")
    assert "Leave is called off" in world.told[-1][1]


def test_the_gateways_sessions_may_take_their_time(world: World) -> None:
    world.instance.drains_in = 1000
    began = world.clock.monotonic()
    wish(world)
    world.pass_(600)
    assert 325 <= world.instance.when("kill gateway") - began <= 365


def test_what_could_not_be_flushed_is_told(world: World) -> None:
    world.instance.refuses = "stopped while the state was mounted"
    wish(world)
    world.pass_(200)
    assert world.report["phase"] == "unsafe"


def test_one_that_azure_takes_away_meanwhile_is_agreed_to() -> None:
    world = World()
    world.pass_(10)
    wish(world)
    world.pass_(60)
    world.announce("Terminate")
    world.pass_(10)
    assert [one for _second, one in world.agreed] == ["E"]


def test_and_what_azure_announced_stays_when_the_wish_is_called_off() -> None:
    world = World()
    world.pass_(10)
    world.announce("Terminate", seconds=900)
    wish(world)
    world.pass_(60)
    withdraw(world.files)
    world.pass_(120)
    assert not world.instance.asked("return")


def test_who_calls_it_off_when_azure_was_told_to_go_ahead_comes_too_late() -> None:
    """The machine is about to be cut: nothing may be started on it."""
    world = World()
    world.pass_(10)
    wish(world)
    world.pass_(60)
    world.announce("Terminate")
    world.pass_(10)
    world.events.clear()
    withdraw(world.files)
    world.pass_(300)
    assert not world.instance.asked("return")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"until": 5}', '{"until": "soon"}', '"x"'])
def test_what_cannot_be_read_is_no_wish(text: str) -> None:
    world = World()
    world.files.write(LEAVE_FILE, text, mode=0o644)
    assert read_wish(world.files, now=world.clock.now()) is None
    world.pass_(60)
    assert world.instance.done == []
