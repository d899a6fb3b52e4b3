"""Findings and their age."""

from datetime import datetime, timedelta

import pytest

from clawbot_agent.engine.finding import ComponentState, Finding
from clawbot_agent.health.board import Cache
from clawbot_agent.health.verdict import Component
from tests.fakes.clock import FakeClock


class World:
    """A cache that expects one component, with findings valid for 10 s."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.start = self.clock.now()
        self.cache = Cache(self.clock)
        self.cache.expect("gateway", good_for=10)

    def put(self, state: ComponentState, reason: str = "because") -> datetime:
        """Store a finding and return its time."""
        self.cache.put("gateway", Finding(state, reason, {"restarts": 1}))
        return self.clock.now()

    def see(self) -> Component:
        """Return the component now."""
        return self.cache.components(["gateway"])[0]


@pytest.fixture
def world() -> World:
    return World()


def test_component_is_pending_before_its_first_finding(world: World) -> None:
    seen = world.see()
    assert (seen.state, seen.since) == (ComponentState.PENDING, world.start)


def test_since_is_when_the_state_changed(world: World) -> None:
    world.put(ComponentState.OK)
    world.clock.advance(5)
    failed = world.put(ComponentState.FAILED, "first")
    world.clock.advance(5)
    world.put(ComponentState.FAILED, "second")
    seen = world.see()
    assert (seen.state, seen.reason, seen.since) == (ComponentState.FAILED, "second", failed)
    assert seen.figures == {"restarts": 1}


def test_component_is_unknown_since_its_last_finding_when_its_check_hangs(
    world: World,
) -> None:
    last = world.put(ComponentState.OK, "ready")
    world.clock.advance(10)
    assert world.see().state is ComponentState.OK
    world.clock.advance(1)
    seen = world.see()
    assert (seen.state, seen.since) == (ComponentState.UNKNOWN, last)
    assert seen.reason == "no result for 11 s; before: ok, ready"


def test_component_without_any_finding_becomes_unknown(world: World) -> None:
    world.clock.advance(11)
    seen = world.see()
    assert (seen.state, seen.since) == (ComponentState.UNKNOWN, world.start)
    assert seen.reason == "no result since the sidecar started, 11 s ago"


def test_state_does_not_last_through_a_time_of_unknown(world: World) -> None:
    world.put(ComponentState.OK)
    world.clock.advance(60)
    again = world.put(ComponentState.OK)
    assert world.see().since == again == world.start + timedelta(seconds=60)


def test_silence_is_the_time_since_the_newest_finding(world: World) -> None:
    world.cache.expect("disk", good_for=10)
    world.clock.advance(7)
    assert world.cache.silence(["gateway", "disk"]) == 7
    world.put(ComponentState.OK)
    assert world.cache.silence(["gateway", "disk"]) == 0
    assert world.cache.silence(["disk"]) == 7
