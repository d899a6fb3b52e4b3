"""Two or three instances on one share, under outages, pauses, deaths and lost writes."""

from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from clawbot_agent.features.lease.daemon import ExitStatus
from clawbot_agent.features.lease.timing import FENCE, HEARTBEAT, TAKEOVER
from clawbot_agent.records.lease import LeaseState
from tests.unit.features.lease.world import (
    KILLING_SECONDS,
    STEP,
    SimulatedInstance,
    Span,
    World,
    advance,
)

# what remains of TAKEOVER - FENCE after one tick of the daemon and killing the gateway
MARGIN: Final = TAKEOVER - FENCE - KILLING_SECONDS - 1.0
TROUBLE: Final = 400.0

spans = st.builds(
    Span,
    start=st.floats(0, TROUBLE),
    length=st.one_of(st.floats(0.5, 30), st.floats(30, 200)),
)


@st.composite
def instances(draw: st.DrawFn, *, world: World, pause: float) -> list[SimulatedInstance]:
    number = draw(st.integers(2, 3))
    made = []
    for index in range(number):
        pauses = draw(
            st.lists(st.builds(Span, st.floats(0, TROUBLE), st.floats(0.5, pause)), max_size=1)
        )
        made.append(
            SimulatedInstance(
                f"vm-{index}",
                world,
                cut_off=tuple(draw(st.lists(spans, max_size=2))),
                paused=tuple(pauses),
                clock_stops=draw(st.booleans()),
                dies=draw(st.one_of(st.just(float("inf")), st.floats(0, TROUBLE))),
                latency=draw(st.sampled_from((0.0, 0.5, 3.0))),
                phase=draw(st.sampled_from((0.0, 0.5))),
            )
        )
    return made


@settings(max_examples=150)
@given(data=st.data(), away=st.lists(spans, max_size=2))
def test_at_most_one_gateway_runs_and_one_runs_again_after_failures(
    data: st.DataObject, away: list[Span]
) -> None:
    """With outages, lost connections, deaths, and pauses shorter than the margin."""
    world = World(away=tuple(away))
    machines = data.draw(instances(world=world, pause=MARGIN))

    def check() -> None:
        serving = [machine.name for machine in machines if machine.serves]
        assert len(serving) <= 1, f"at {world.now}: {serving}"

    advance(world, machines, seconds=TROUBLE + 200, check=check)
    # the last failure is over: one serves again within a takeover and two polls of the slowest
    advance(world, machines, seconds=TAKEOVER + 40, check=check)
    alive = [machine for machine in machines if not machine.is_dead]
    assert not alive or any(machine.serves for machine in alive)


@settings(max_examples=100)
@given(start=st.floats(25, 60), length=st.floats(0.5, 60), latency=st.sampled_from((0.0, 0.5, 3.0)))
def test_lease_survives_a_server_outage_of_a_minute(
    start: float, length: float, latency: float
) -> None:
    world = World(away=(Span(start, length),))
    machines = [
        SimulatedInstance("holder", world, latency=latency),
        SimulatedInstance("other", world, latency=latency, phase=0.5),
    ]
    advance(world, machines[:1], seconds=24, check=lambda: None)
    assert machines[0].serves
    advance(world, machines, seconds=300, check=lambda: None)
    assert machines[0].ended == []
    assert machines[0].holds
    assert not machines[1].holds


@settings(max_examples=60)
@given(length=st.floats(120, 1000), clock_stops=st.booleans())
def test_a_paused_holder_is_fenced_soon_after_it_resumes(
    length: float, *, clock_stops: bool
) -> None:
    """Two may serve for a moment, but the new holder uses a copy of the data image."""
    world = World()
    sleeper = SimulatedInstance(
        "sleeper", world, paused=(Span(30.25, length),), clock_stops=clock_stops, latency=0.5
    )
    advance(world, [sleeper], seconds=30, check=lambda: None)
    assert sleeper.serves
    other = SimulatedInstance("other", world)
    advance(world, [sleeper, other], seconds=length + 0.5, check=lambda: None)
    assert other.serves
    advance(world, [sleeper, other], seconds=HEARTBEAT + 3 + KILLING_SECONDS, check=lambda: None)
    assert not sleeper.serves
    assert ExitStatus.LOST in sleeper.ended
    assert other.serves


def run(world: World, *machines: SimulatedInstance, until: float) -> None:
    advance(world, list(machines), seconds=until - world.now, check=lambda: None)


def test_a_killed_holder_is_replaced_within_two_minutes() -> None:
    world = World()
    first, second = (
        SimulatedInstance("first", world, dies=50.25),
        SimulatedInstance("second", world),
    )
    run(world, first, until=20)
    run(world, first, second, until=60)
    assert first.holds
    assert second.reports[-1].waiting_for is not None
    assert second.reports[-1].waiting_for.host == "first"
    taken = 0.0
    while not second.holds:
        run(world, first, second, until=world.now + STEP)
        taken = world.now
    assert taken - 50.25 <= 115
    assert second.reports[-1].suspects == (1,)
    # meanwhile the server was made to recall what the dead holder had cached
    assert world.knocks == 1


def test_a_holder_without_competitors_writes_nothing() -> None:
    """Each write is billed; the holder writes only to answer a ring."""
    world = World()
    holder = SimulatedInstance("holder", world)
    run(world, holder, until=30)
    alone = world.writes
    run(world, holder, until=3630)
    assert holder.holds
    assert world.writes == alone
    other = SimulatedInstance("other", world)
    run(world, holder, other, until=3930)
    assert holder.holds
    assert not other.holds
    assert world.writes > alone


def test_a_ring_that_the_server_lost_is_repeated() -> None:
    """A failover may lose an acknowledged write although the holder is alive."""
    world = World(forgetful=Span(30, 30))
    holder, other = SimulatedInstance("holder", world), SimulatedInstance("other", world)
    run(world, holder, until=35)
    run(world, holder, other, until=400)
    assert holder.holds
    assert holder.ended == []
    assert not other.holds


def test_the_data_image_of_a_live_holder_is_not_recalled() -> None:
    world = World()
    machines = [SimulatedInstance("first", world), SimulatedInstance("second", world)]
    run(world, *machines, until=300)
    assert world.knocks == 0


def test_a_released_lease_is_taken_at_once_and_is_clean() -> None:
    world = World()
    first, second = SimulatedInstance("first", world), SimulatedInstance("second", world)
    run(world, first, until=20)
    run(world, first, second, until=40)
    first.stop.set()
    run(world, first, second, until=50)
    assert first.ended == [ExitStatus.STOPPED]
    assert first.reports[-1].state is LeaseState.RELEASED
    assert second.holds
    assert second.reports[-1].clean


def test_a_lease_is_not_released_while_the_state_directory_is_mounted() -> None:
    """The daemon alone was stopped, or unmounting failed."""
    world = World()
    first, second = SimulatedInstance("first", world), SimulatedInstance("second", world)
    run(world, first, until=20)
    first.mounted = True
    first.stop.set()
    run(world, first, until=21)
    assert first.gateway_until is not None
    run(world, first, second, until=90)
    assert not second.holds
    run(world, first, second, until=150)
    assert second.holds
    assert not second.reports[-1].clean


def test_another_boot_of_the_same_instance_does_not_wait() -> None:
    """The old kernel is certainly dead, and no other instance used the bot data."""
    world = World()
    before = SimulatedInstance("same", world, dies=30.25)
    run(world, before, until=40)
    after = SimulatedInstance("same", world)
    run(world, before, after, until=46)
    assert after.holds
    assert after.reports[-1].clean


def test_remounting_the_share_ends_the_lease() -> None:
    """The child process has files open on the old mount."""
    world = World()
    holder = SimulatedInstance("holder", world)
    run(world, holder, until=20)
    holder.mount_number = 2
    run(world, holder, until=22)
    assert holder.ended == [ExitStatus.LOST]
    assert holder.gateway_until is not None
    run(world, holder, until=40)
    assert holder.holds


def test_a_deleted_lease_directory_is_not_taken_at_once_when_a_data_image_exists() -> None:
    """The generations were deleted while a holder is alive; its data image proves that."""
    world = World(images={7})
    other = SimulatedInstance("other", world)
    run(world, other, until=60)
    assert not other.holds
    run(world, other, until=120)
    assert other.holds
    assert other.reports[-1].generation == 8
    assert other.reports[-1].suspects == (7,)
