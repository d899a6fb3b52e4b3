"""A share and instances in simulated time, to run the real daemon under every kind of failure."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from clawbot_agent.features.lease.daemon import ExitStatus, LeaseDaemon
from clawbot_agent.records.lease import Holder, LeaseReport, LeaseState

Json = dict[str, Any]

STEP: Final = 0.5
_TAKEN: Final = "taken over"
_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
# systemd's RestartSec for the daemon
_RESTART_SECONDS: Final = 3.0
# upper bound for killing the gateway: the sum of the time limits in `lease.machine`
KILLING_SECONDS: Final = 7.0


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` for `length` seconds."""

    start: float
    length: float

    def covers(self, moment: float) -> bool:
        """Return whether the span includes the moment."""
        return self.start <= moment < self.start + self.length


@dataclass(slots=True)
class _Clock:
    """One instance's clocks; the monotonic one may stop while the instance is paused."""

    monotonic_: float = 0.0
    wall: float = 0.0

    def now(self) -> datetime:
        """See `Clock`."""
        return _EPOCH + timedelta(seconds=self.wall)

    def monotonic(self) -> float:
        """See `Clock`."""
        return self.monotonic_

    def wait(self, event: threading.Event, seconds: float) -> None:
        """Fail: the simulation owns the time."""
        msg = f"the daemon slept for {seconds} s on {event} inside a tick"
        raise AssertionError(msg)


@dataclass(slots=True)
class World:
    """The server and its files.

    Attributes:
        away: when the server is unreachable for every instance.
        files: text of each generation.
        images: numbers of the data images.
        knocks: number of requests to recall what a dead holder has cached.
        bells: the last ring at each generation.
        writes: number of write requests.
        forgetful: when the server acknowledges a ring and loses it.
    """

    away: tuple[Span, ...] = ()
    now: float = 0.0
    files: dict[int, str] = field(default_factory=dict)
    images: set[int] = field(default_factory=set)
    knocks: int = 0
    bells: dict[int, str] = field(default_factory=dict)
    writes: int = 0
    forgetful: Span | None = None

    def applied(self, question: Json) -> Json:
        """Return what the lease directory would answer."""
        generation, text = question.get("generation", 0), question.get("text", "")
        match question["verb"]:
            case "look":
                self.knocks += question["knock"]
                highest = max(self.files, default=0)
                if highest and question["ring"]:
                    if self.forgetful is None or not self.forgetful.covers(self.now):
                        self.bells[highest] = question["ring"]
                    self.writes += 1
                newest = max(self.images, default=0)
                text = self.files.get(highest, "")
                return {"generation": highest, "text": text, "image": newest}
            case "take":
                if generation in self.files:
                    return {"taken": False}
                self.files[generation] = text
                self.bells |= {older: _TAKEN for older in self.files if older < generation}
                self.writes += 2
                return {"taken": True}
            case "release":
                self.files[generation] = text
                self.writes += 1
                return {"mine": True}
            case _:
                bell = self.bells.get(generation, "")
                if bell not in (question["bell"], _TAKEN):
                    self.files[generation] = text
                    self.writes += 1
                return {"mine": bell != _TAKEN, "bell": bell}


@dataclass(slots=True)
class SimulatedInstance:
    """A virtual machine with the daemon and a gateway.

    Attributes:
        cut_off: when its network is down.
        paused: when the whole machine is paused.
        clock_stops: whether its monotonic clock stops while it is paused.
        dies: when it is killed permanently.
        latency: seconds that a request travels, each way.
        phase: fraction of a second at which the daemon ticks.
        gateway_until: time by which the gateway is dead; None while it may run without limit.
    """

    name: str
    world: World
    cut_off: tuple[Span, ...] = ()
    paused: tuple[Span, ...] = ()
    clock_stops: bool = True
    dies: float = float("inf")
    latency: float = 0.0
    phase: float = 0.0
    clock: _Clock = field(default_factory=_Clock)
    daemon: LeaseDaemon | None = None
    reports: list[LeaseReport] = field(default_factory=list)
    gateway_until: float | None = 0.0
    mounted: bool = False
    mount_number: int = 1
    stop: threading.Event = field(default_factory=threading.Event)
    ended: list[ExitStatus] = field(default_factory=list)
    _question: Json | None = None
    _applies: float = 0.0
    _answer: Json | None = None
    _starts: float = 0.0
    # a request of an abandoned child may still arrive
    _lost: Json | None = None

    # the daemon's `Share`

    @property
    def busy(self) -> bool:
        """See `Share`."""
        return self._question is not None or self._answer is not None

    def ask(self, question: Json) -> None:
        """See `Share`."""
        assert not self.busy
        self._question, self._applies = question, self.world.now + self.latency

    def answer(self, *, timeout: float = 0.0) -> Json | None:
        """See `Share`."""
        if timeout and not self.latency:
            self._reach_server()
        if self._answer is None or self.world.now < self._applies:
            return None
        given, self._answer = self._answer, None
        return given

    def abandon(self) -> None:
        """See `Share`."""
        self._answer = None
        self._lost, self._question = self._question, None

    # the daemon's `Machine`

    def fence(self) -> None:
        """See `Machine`."""
        self.gateway_until = self.world.now + KILLING_SECONDS

    def held(self) -> None:
        """See `Machine`."""
        self.gateway_until = None

    def report(self, report: LeaseReport) -> None:
        """See `Machine`."""
        self.reports.append(report)

    def alive(self) -> None:
        """See `Machine`."""

    def state_is_mounted(self) -> bool:
        """See `Machine`."""
        return self.mounted

    def share_mount(self) -> int | None:
        """See `Machine`."""
        return self.mount_number

    # the simulation

    @property
    def is_dead(self) -> bool:
        """Whether it was killed permanently."""
        return self.world.now >= self.dies

    @property
    def is_paused(self) -> bool:
        """Whether the machine is paused now."""
        return any(span.covers(self.world.now) for span in self.paused)

    @property
    def serves(self) -> bool:
        """Whether a running, unpaused gateway exists on this instance."""
        if self.is_dead or self.is_paused:
            return False
        return self.gateway_until is None or self.world.now < self.gateway_until

    @property
    def holds(self) -> bool:
        """Whether its daemon reports that it holds the lease."""
        return bool(self.reports) and self.reports[-1].state is LeaseState.HELD

    def step(self) -> None:
        """Run for one `STEP` of the world's time."""
        self._reach_server()
        if self.is_dead:
            return
        self.clock.wall += STEP
        if self.is_paused:
            self.clock.monotonic_ += 0 if self.clock_stops else STEP
            return
        self.clock.monotonic_ += STEP
        if self.world.now % 1.0 == self.phase and self.world.now >= self._starts:
            self._tick()

    def _reach_server(self) -> None:
        now = self.world.now
        if any(span.covers(now) for span in (*self.world.away, *self.cut_off)):
            return
        for name in ("_question", "_lost"):
            question = getattr(self, name)
            if question is None or now < self._applies:
                continue
            answer = self.world.applied(question)
            setattr(self, name, None)
            if name == "_question":
                self._answer, self._applies = answer, now + self.latency

    def _tick(self) -> None:
        if self.daemon is None:
            self.daemon = LeaseDaemon(
                me=Holder(self.name, f"boot of {self.name}", self.name, "then"),
                share=self,
                machine=self,
                clock=self.clock,
                stop=self.stop,
            )
            self.daemon.begin()
        ended = self.daemon.tick()
        if ended is not None:
            self.ended.append(ended)
            self.daemon = None
            self._starts = self.world.now + _RESTART_SECONDS
            if ended is ExitStatus.STOPPED:
                self.dies = self.world.now


def advance(
    world: World, instances: list[SimulatedInstance], *, seconds: float, check: Callable[[], None]
) -> None:
    """Let `seconds` pass; call `check` after each step."""
    end = world.now + seconds
    while world.now < end:
        world.now += STEP
        for instance in instances:
            instance.step()
        check()
