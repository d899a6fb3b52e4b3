"""Takes the lease, keeps it, and has the gateway killed the moment it may be somebody else's.

The daemon looks up once a second and never touches the share itself: a child process does
(`Share`), and a child that the kernel holds back merely does not answer.
"""

import threading
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum
from typing import Final

from clawbot_agent.features.lease.ports import Json, Machine, Share
from clawbot_agent.features.lease.record import Holder, Record
from clawbot_agent.features.lease.report import LeaseReport, LeaseState
from clawbot_agent.features.lease.tenure import BEAT, Tenure
from clawbot_agent.features.lease.watch import KNOCK, LOOK, RING, Sight, Watch
from clawbot_agent.host.limit import Clock

__all__ = ["TICK", "Daemon", "Ended"]

# seconds between two looks of the daemon at its child, its deadline and its orders
TICK: Final = 1.0
_REPORT_SECONDS: Final = 5.0
# a child that has not answered for this long, without the lease, is replaced
_CHILD_SECONDS: Final = 120.0
_SILENCE_SECONDS: Final = 5.0
_RELEASE_SECONDS: Final = 5.0
# what the share refused is asked again soon
_RETRY_SECONDS: Final = 2.0
# wall clock against monotonic clock: more than this apart, and the machine was paused
_PAUSE_SECONDS: Final = 5.0


class Ended(IntEnum):
    """Exit status of the daemon."""

    STOPPED = 0
    LOST = 75
    """systemd starts it again; it then waits like anybody."""


@dataclass(slots=True)
class _Question:
    """What the child was last asked."""

    verb: str
    record: Record | None
    asked: float
    rang: bool = False


@dataclass(slots=True)
class Daemon:
    """One life of the daemon, from waiting to the loss or the return of the lease.

    Attributes:
        me: this instance.
        stop: set when it is told to end.
    """

    me: Holder
    share: Share
    machine: Machine
    clock: Clock
    stop: threading.Event
    _never: threading.Event = field(default_factory=threading.Event)
    _watch: Watch = field(default_factory=Watch)
    _tenure: Tenure | None = None
    _question: _Question | None = None
    _due: float = 0.0
    _last_beat: datetime | None = None
    _problem: str = ""
    _reported: float = float("-inf")
    _offset: float = 0.0
    _ground: int | None = None
    _knocked: int = 0
    _rings: int = 0
    _rung: float = 0.0
    # the ring that was answered last
    _bell: str = ""

    def run(self) -> Ended:
        """Work until told to stop, or until the lease is lost."""
        self.begin()
        while (ended := self.tick()) is None:
            # not on `stop`: a signal that sets the event one waits on may deadlock
            self.clock.wait(self._never, TICK)
        return ended

    def begin(self) -> None:
        """Remember how things are at the start."""
        self._ground = self.machine.share_mount()
        self._offset = self._wall_offset()
        self._due = self.clock.monotonic()

    def tick(self) -> Ended | None:
        """Look up once; not None when it is over."""
        self.machine.alive()
        # first of all: nothing may come between a lease that is over and the gateway's end
        if self._tenure is not None and self._tenure.over(self.clock.monotonic()):
            return self._lose("no beat has reached the share in time")
        if self.stop.is_set():
            return self._end()
        answer = self.share.answer()
        now = self.clock.monotonic()
        if answer is not None and (why := self._lost_by(answer, now)):
            return self._lose(why)
        self._notice_pause(now)
        if self.share.busy:
            self._notice_silence(now)
        elif now >= self._due:
            # the child works on the mount that was there when it began
            if self.machine.share_mount() != self._ground:
                return self._lose("the share is not mounted as it was")
            self._ask(now)
        if now - self._reported >= _REPORT_SECONDS:
            self._report(LeaseState.WAITING if self._tenure is None else LeaseState.HELD)
        return None

    def _ask(self, now: float) -> None:
        """Send what is due."""
        if self._tenure is not None:
            self._tenure = self._tenure.beaten()
            self._due = now + BEAT
            self._send("beat", self._tenure.record, now)
        elif (sight := self._watch.sight) is not None and self._watch.may_take(self.me):
            previous, generation = sight.record, sight.next
            record = Record.succeeding(
                previous, generation=generation, holder=self.me, image=sight.image
            )
            self._send("take", record, now)
        else:
            self._due = now + LOOK
            self._send("look", None, now, knock=self._is_time_to_knock())

    def _ring(self, now: float) -> str:
        """What to ring with, unlike any ring before; nothing while an answer may be on its way.

        A server that fails over may lose what it said it had: so not once only.
        """
        if self._watch.rung and now - self._rung < RING:
            return ""
        self._rings, self._rung = self._rings + 1, now
        return f"{self.me.instance_id} {self.me.boot_id} {self.me.since} {self._rings}"

    def _is_time_to_knock(self) -> bool:
        """Once for each holder that has gone quiet."""
        generation = self._watch.sight.generation if self._watch.sight else 0
        if self._watch.quiet < KNOCK or self._knocked == generation:
            return False
        self._knocked = generation
        return True

    def _send(self, verb: str, record: Record | None, now: float, *, knock: bool = False) -> None:
        question: Json = {"verb": verb, "knock": knock}
        if record is not None:
            question |= {"generation": record.generation, "text": record.text()}
            question["bell"] = self._bell
        else:
            question["ring"] = self._ring(now)
        self._question = _Question(verb, record, now, rang=bool(question.get("ring")))
        self.share.ask(question)

    def _lost_by(self, answer: Json, now: float) -> str:
        """Take in an answer; says why the lease is lost by it, if it is."""
        question = self._question
        assert question is not None  # noqa: S101 - there is no answer without it
        self._problem = str(answer.get("message", ""))
        if self._problem:
            self._due = now + _RETRY_SECONDS
        elif question.verb == "look":
            sight = Sight(answer["generation"], answer["text"], answer["image"])
            self._watch = self._watch.after(
                sight, asked=question.asked, answered=now, rang=question.rang
            )
            # a beat was seen: ring for the next one
            if self._watch.may_take(self.me) or not self._watch.rung:
                self._due = now
        elif question.verb == "take":
            return self._taken(question, now) if answer["taken"] else self._late(now)
        elif not answer["mine"]:
            return "another instance took over"
        elif self._tenure is not None:
            self._bell = str(answer["bell"])
            self._arrived(question, now)
        return ""

    def _taken(self, question: _Question, now: float) -> str:
        assert question.record is not None  # noqa: S101 - it was sent
        self._tenure = Tenure(question.record, question.asked)
        self._last_beat = self.clock.now()
        self._due = question.asked + BEAT
        if self._tenure.over(now):
            return "the share answered too late"
        self._report(LeaseState.HELD)
        self.machine.held()
        return ""

    def _late(self, now: float) -> str:
        """Another one was faster: look again, from the start."""
        self._watch, self._due = Watch(), now
        return ""

    def _arrived(self, question: _Question, now: float) -> None:
        assert self._tenure is not None  # noqa: S101 - the caller looked
        self._tenure = self._tenure.arrived(question.asked)
        self._last_beat = self.clock.now()
        # one that took long counts from its start and is followed by another at once
        self._due = question.asked + BEAT if now - question.asked < BEAT else now

    def _notice_pause(self, now: float) -> None:
        """After a pause of the whole machine, look at once who has the lease now."""
        offset = self._wall_offset()
        if abs(offset - self._offset) > _PAUSE_SECONDS:
            self._due = now
        self._offset = offset

    def _notice_silence(self, now: float) -> None:
        assert self._question is not None  # noqa: S101 - a busy child was asked
        silent = now - self._question.asked
        if silent >= _SILENCE_SECONDS:
            self._problem = f"the share has not answered for {silent:.0f} s"
        if self._tenure is None and silent >= _CHILD_SECONDS:
            self.share.abandon()
            self._due = now + LOOK

    def _lose(self, why: str) -> Ended:
        """End without the lease."""
        if self._tenure is not None:
            self.machine.fence()
        self._problem = why
        self._report(LeaseState.LOST)
        self.share.abandon()
        return Ended.LOST

    def _end(self) -> Ended:
        """Give the lease back, unless the state is still in use."""
        state = LeaseState.RELEASED
        if self._tenure is not None and self.machine.state_is_mounted():
            # kept from being unmounted, or somebody stopped the daemon alone
            self.machine.fence()
            self._problem, state = "stopped while the state was mounted", LeaseState.LOST
        elif self._tenure is not None and not self._released(self._tenure.record):
            self._problem, state = "the share did not take the lease back", LeaseState.LOST
        self._report(state)
        self.share.abandon()
        return Ended.STOPPED

    def _released(self, record: Record) -> bool:
        if self.share.busy and self.share.answer(timeout=_RELEASE_SECONDS) is None:
            return False
        self._send("release", replace(record.beaten(), released=True), self.clock.monotonic())
        answer = self.share.answer(timeout=_RELEASE_SECONDS)
        return answer is not None and answer.get("mine") is True

    def _report(self, state: LeaseState) -> None:
        self._reported = self.clock.monotonic()
        self.machine.report(self._as_report(state))

    def _as_report(self, state: LeaseState) -> LeaseReport:
        mine, seen = self._tenure, self._watch.sight
        other = None if mine is not None or seen is None else seen.record
        return LeaseReport(
            state=state,
            generation=mine.record.generation if mine else seen.generation if seen else 0,
            holder=mine.record.holder if mine else None,
            suspects=tuple(s.generation for s in mine.record.suspects) if mine else (),
            waiting_for=other.holder if other else None,
            quiet_seconds=0 if mine else int(self._watch.quiet),
            last_beat=self._last_beat,
            problem=self._problem,
            updated=self.clock.now(),
        )

    def _wall_offset(self) -> float:
        return self.clock.now().timestamp() - self.clock.monotonic()
