"""Two or three instances on one share, and everything that can go wrong."""

from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from clawbot_agent.features.lease.daemon import Ended
from clawbot_agent.features.lease.report import LeaseState
from clawbot_agent.features.lease.tenure import BEAT, FENCE
from clawbot_agent.features.lease.watch import TAKEOVER
from tests.unit.features.lease.world import KILLING_SECONDS, STEP, Instance, Span, World, live

# what is left of TAKEOVER - FENCE after the daemon's look-up and the killing
MARGIN: Final = TAKEOVER - FENCE - KILLING_SECONDS - 1.0
TROUBLE: Final = 400.0

spans = st.builds(
    Span,
    start=st.floats(0, TROUBLE),
    length=st.one_of(st.floats(0.5, 30), st.floats(30, 200)),
)


@st.composite
def instances(draw: st.DrawFn, *, world: World, pause: float) -> list[Instance]:
    number = draw(st.integers(2, 3))
    made = []
    for index in range(number):
        pauses = draw(
            st.lists(st.builds(Span, st.floats(0, TROUBLE), st.floats(0.5, pause)), max_size=1)
        )
        made.append(
            Instance(
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
def test_never_two_gateways_and_always_one_again(data: st.DataObject, away: list[Span]) -> None:
    """Outages, cut lines, deaths, and pauses shorter than the margin."""
    world = World(away=tuple(away))
    machines = data.draw(instances(world=world, pause=MARGIN))

    def look() -> None:
        serving = [machine.name for machine in machines if machine.serves]
        assert len(serving) <= 1, f"at {world.now}: {serving}"

    live(world, machines, seconds=TROUBLE + 200, look=look)
    # the last trouble is over: within a takeover and two looks of the slowest one serves again
    live(world, machines, seconds=TAKEOVER + 40, look=look)
    alive = [machine for machine in machines if not machine.is_dead]
    assert not alive or any(machine.serves for machine in alive)


@settings(max_examples=100)
@given(start=st.floats(25, 60), length=st.floats(0.5, 60), latency=st.sampled_from((0.0, 0.5, 3.0)))
def test_a_minute_without_the_server_costs_nothing(
    start: float, length: float, latency: float
) -> None:
    world = World(away=(Span(start, length),))
    machines = [
        Instance("holder", world, latency=latency),
        Instance("other", world, latency=latency, phase=0.5),
    ]
    live(world, machines[:1], seconds=24, look=lambda: None)
    assert machines[0].serves
    live(world, machines, seconds=300, look=lambda: None)
    assert machines[0].ended == []
    assert machines[0].holds
    assert not machines[1].holds


@settings(max_examples=60)
@given(length=st.floats(120, 1000), clock_stops=st.booleans())
def test_a_machine_that_sleeps_too_long_is_fenced_soon_after_it_wakes(
    length: float, *, clock_stops: bool
) -> None:
    """Here two may serve for a moment; that the state is a copy keeps it whole."""
    world = World()
    sleeper = Instance(
        "sleeper", world, paused=(Span(30.25, length),), clock_stops=clock_stops, latency=0.5
    )
    live(world, [sleeper], seconds=30, look=lambda: None)
    assert sleeper.serves
    other = Instance("other", world)
    live(world, [sleeper, other], seconds=length + 0.5, look=lambda: None)
    assert other.serves
    live(world, [sleeper, other], seconds=BEAT + 3 + KILLING_SECONDS, look=lambda: None)
    assert not sleeper.serves
    assert Ended.LOST in sleeper.ended
    assert other.serves


def run(world: World, *machines: Instance, until: float) -> None:
    live(world, list(machines), seconds=until - world.now, look=lambda: None)


def test_a_killed_holder_is_replaced_within_two_minutes() -> None:
    world = World()
    first, second = Instance("first", world, dies=50.25), Instance("second", world)
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
    # meanwhile the server was made to forget what the dead one had cached
    assert world.knocks == 1


def test_a_holder_alone_writes_nothing() -> None:
    """Each write is billed; it listens, and answers those who ask."""
    world = World()
    holder = Instance("holder", world)
    run(world, holder, until=30)
    alone = world.writes
    run(world, holder, until=3630)
    assert holder.holds
    assert world.writes == alone
    other = Instance("other", world)
    run(world, holder, other, until=3930)
    assert holder.holds
    assert not other.holds
    assert world.writes > alone


def test_a_ring_that_the_server_lost_is_rung_again() -> None:
    """A failover may forget what it had acknowledged; the holder lives all the same."""
    world = World(forgetful=Span(30, 30))
    holder, other = Instance("holder", world), Instance("other", world)
    run(world, holder, until=35)
    run(world, holder, other, until=400)
    assert holder.holds
    assert holder.ended == []
    assert not other.holds


def test_nobody_knocks_at_a_living_holders_image() -> None:
    world = World()
    machines = [Instance("first", world), Instance("second", world)]
    run(world, *machines, until=300)
    assert world.knocks == 0


def test_a_lease_given_back_is_taken_at_once_and_is_clean() -> None:
    world = World()
    first, second = Instance("first", world), Instance("second", world)
    run(world, first, until=20)
    run(world, first, second, until=40)
    first.stop.set()
    run(world, first, second, until=50)
    assert first.ended == [Ended.STOPPED]
    assert first.reports[-1].state is LeaseState.RELEASED
    assert second.holds
    assert second.reports[-1].clean


def test_a_lease_is_not_given_back_while_the_state_is_mounted() -> None:
    """Somebody stopped the daemon alone, or the state could not be unmounted."""
    world = World()
    first, second = Instance("first", world), Instance("second", world)
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
    """The old kernel is dead for sure; the state is its own."""
    world = World()
    before = Instance("same", world, dies=30.25)
    run(world, before, until=40)
    after = Instance("same", world)
    run(world, before, after, until=46)
    assert after.holds
    assert after.reports[-1].clean


def test_a_share_that_is_mounted_anew_ends_the_lease() -> None:
    """The child's files are those of the old mount."""
    world = World()
    holder = Instance("holder", world)
    run(world, holder, until=20)
    holder.mount_number = 2
    run(world, holder, until=22)
    assert holder.ended == [Ended.LOST]
    assert holder.gateway_until is not None
    run(world, holder, until=40)
    assert holder.holds


def test_a_deleted_lease_directory_beside_an_image_is_not_an_invitation() -> None:
    """Somebody removed the generations while a holder lives; its image tells."""
    world = World(images={7})
    other = Instance("other", world)
    run(world, other, until=60)
    assert not other.holds
    run(world, other, until=120)
    assert other.holds
    assert other.reports[-1].generation == 8
    assert other.reports[-1].suspects == (7,)
