from datetime import datetime, timedelta

import pytest

from clawbot_agent.health.cache import Cache
from clawbot_agent.health.finding import Component, Finding, State
from tests.fakes.clock import FakeClock


class World:
    """A cache that expects one component, with findings good for 10 seconds."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.start = self.clock.now()
        self.cache = Cache(self.clock)
        self.cache.expect("gateway", good_for=10)

    def put(self, state: State, reason: str = "because") -> datetime:
        """Find it so; the moment."""
        self.cache.put("gateway", Finding(state, reason, {"restarts": 1}))
        return self.clock.now()

    def see(self) -> Component:
        """The component now."""
        return self.cache.components(["gateway"])[0]


@pytest.fixture
def world() -> World:
    return World()


def test_before_the_first_finding_it_is_pending(world: World) -> None:
    seen = world.see()
    assert (seen.state, seen.since) == (State.PENDING, world.start)


def test_since_is_when_the_state_changed_not_when_it_was_last_seen(world: World) -> None:
    world.put(State.OK)
    world.clock.advance(5)
    failed = world.put(State.FAILED, "first")
    world.clock.advance(5)
    world.put(State.FAILED, "second")
    seen = world.see()
    assert (seen.state, seen.reason, seen.since) == (State.FAILED, "second", failed)
    assert seen.figures == {"restarts": 1}


def test_a_look_that_does_not_come_back_makes_it_unknown_since_it_was_last_seen(
    world: World,
) -> None:
    last = world.put(State.OK, "ready")
    world.clock.advance(10)
    assert world.see().state is State.OK
    world.clock.advance(1)
    seen = world.see()
    assert (seen.state, seen.since) == (State.UNKNOWN, last)
    assert seen.reason == "no answer for 11 s; before: ok, ready"


def test_one_that_never_answers_is_unknown_too(world: World) -> None:
    world.clock.advance(11)
    seen = world.see()
    assert (seen.state, seen.since) == (State.UNKNOWN, world.start)
    assert seen.reason == "no answer since the sidecar started, 11 s ago"


def test_what_was_unknown_in_between_did_not_last(world: World) -> None:
    world.put(State.OK)
    world.clock.advance(60)
    again = world.put(State.OK)
    assert world.see().since == again == world.start + timedelta(seconds=60)


def test_silence_is_the_time_since_the_newest_finding(world: World) -> None:
    world.cache.expect("disk", good_for=10)
    world.clock.advance(7)
    assert world.cache.silence(["gateway", "disk"]) == 7
    world.put(State.OK)
    assert world.cache.silence(["gateway", "disk"]) == 0
    assert world.cache.silence(["disk"]) == 7
