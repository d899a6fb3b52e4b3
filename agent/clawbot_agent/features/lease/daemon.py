"""The lease daemon: takes the lease, keeps it, and fences the gateway when it may be lost.

The daemon wakes once a second and never touches the share itself: a child process does
(`Share`), and a child that hangs in the kernel merely does not answer.
"""

import threading
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum
from typing import Any, Final, Protocol

from clawbot_agent.features.lease.timing import (
    HEARTBEAT,
    KNOCK,
    POLL,
    RING,
    Snapshot,
    Tenure,
    Watch,
)
from clawbot_agent.host.limit import Clock
from clawbot_agent.records.lease import Holder, LeaseRecord, LeaseReport, LeaseState

Json = dict[str, Any]

# seconds between two ticks
TICK: Final = 1.0
_REPORT_SECONDS: Final = 5.0
# without the lease, a child that has not answered for this long is replaced
_CHILD_SECONDS: Final = 120.0
_SILENCE_SECONDS: Final = 5.0
_RELEASE_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 2.0
# a larger drift between wall clock and monotonic clock means that the machine was paused
_PAUSE_SECONDS: Final = 5.0


class Share(Protocol):
    """The child process that works on the share."""

    @property
    def busy(self) -> bool:
        """Whether an answer is outstanding."""
        ...

    def ask(self, question: Json) -> None:
        """Send a request."""
        ...

    def answer(self, *, timeout: float = 0.0) -> Json | None:
        """Return the answer if it arrives within `timeout` seconds."""
        ...

    def abandon(self) -> None:
        """Give up the child."""
        ...


class Machine(Protocol):
    """What else the daemon needs of the instance. No method raises."""

    def fence(self) -> None:
        """Kill the gateway, without fail and without delay."""
        ...

    def held(self) -> None:
        """Continue with what needs the lease."""
        ...

    def report(self, report: LeaseReport) -> None:
        """Publish the state of the lease."""
        ...

    def alive(self) -> None:
        """Feed the service manager's watchdog."""
        ...

    def state_is_mounted(self) -> bool:
        """Return whether the state directory is still mounted."""
        ...

    def share_mount(self) -> int | None:
        """Return the number of the mount that the share lies on."""
        ...


class ExitStatus(IntEnum):
    """Exit status of the daemon."""

    STOPPED = 0
    LOST = 75
    """systemd restarts the daemon, which then waits like any other instance."""


@dataclass(slots=True)
class _Request:
    """The last request to the child."""

    verb: str
    record: LeaseRecord | None
    sent: float
    rang: bool = False


@dataclass(slots=True)
class LeaseDaemon:
    """One life of the daemon, from waiting until the lease is lost or released.

    Attributes:
        me: this instance.
        stop: set when the daemon must end.
    """

    me: Holder
    share: Share
    machine: Machine
    clock: Clock
    stop: threading.Event
    _never: threading.Event = field(default_factory=threading.Event)
    _watch: Watch = field(default_factory=Watch)
    _tenure: Tenure | None = None
    _request: _Request | None = None
    _due: float = 0.0
    _last_heartbeat: datetime | None = None
    _problem: str = ""
    _reported: float = float("-inf")
    _offset: float = 0.0
    _mount: int | None = None
    _knocked: int = 0
    _rings: int = 0
    _rang_at: float = 0.0
    # the ring that was answered last
    _bell: str = ""

    def run(self) -> ExitStatus:
        """Work until stopped, or until the lease is lost."""
        self.begin()
        while (status := self.tick()) is None:
            # not on `stop`: a signal that sets the event being waited for may deadlock
            self.clock.wait(self._never, TICK)
        return status

    def begin(self) -> None:
        """Record mount and clocks at the start."""
        self._mount = self.machine.share_mount()
        self._offset = self._wall_offset()
        self._due = self.clock.monotonic()

    def tick(self) -> ExitStatus | None:
        """Do what is due; return the exit status when the daemon ends."""
        self.machine.alive()
        # first: nothing may delay the end of the gateway once the lease has expired
        if self._tenure is not None and self._tenure.expired(self.clock.monotonic()):
            return self._lose("no heartbeat reached the share in time")
        if self.stop.is_set():
            return self._end()
        answer = self.share.answer()
        now = self.clock.monotonic()
        if answer is not None and (why := self._loss(answer, now)):
            return self._lose(why)
        self._notice_pause(now)
        if self.share.busy:
            self._notice_silence(now)
        elif now >= self._due:
            # the child works on the mount that existed when it started
            if self.machine.share_mount() != self._mount:
                return self._lose("the share was unmounted or mounted again")
            self._send_due(now)
        if now - self._reported >= _REPORT_SECONDS:
            self._report(LeaseState.WAITING if self._tenure is None else LeaseState.HELD)
        return None

    def _send_due(self, now: float) -> None:
        if self._tenure is not None:
            self._tenure = replace(self._tenure, record=self._tenure.record.next_beat())
            self._due = now + HEARTBEAT
            self._send("beat", self._tenure.record, now)
        elif (snapshot := self._watch.snapshot) is not None and self._watch.may_take(self.me):
            record = LeaseRecord.succeeding(
                snapshot.record, generation=snapshot.next, holder=self.me, image=snapshot.image
            )
            self._send("take", record, now)
        else:
            self._due = now + POLL
            self._send("look", None, now, knock=self._is_time_to_knock())

    def _ring(self, now: float) -> str:
        """Return a ring unlike any before; empty while an answer may be on its way.

        Repeated, because a server that fails over may lose a write that it acknowledged.
        """
        if self._watch.rung and now - self._rang_at < RING:
            return ""
        self._rings, self._rang_at = self._rings + 1, now
        return f"{self.me.instance_id} {self.me.boot_id} {self.me.since} {self._rings}"

    def _is_time_to_knock(self) -> bool:
        """Return True once for each holder that stopped answering."""
        generation = self._watch.snapshot.generation if self._watch.snapshot else 0
        if self._watch.quiet < KNOCK or self._knocked == generation:
            return False
        self._knocked = generation
        return True

    def _send(
        self, verb: str, record: LeaseRecord | None, now: float, *, knock: bool = False
    ) -> None:
        question: Json = {"verb": verb}
        if record is None:
            question |= {"ring": self._ring(now), "knock": knock}
        else:
            question |= {"generation": record.generation, "text": record.text()}
        if verb == "beat":
            question["bell"] = self._bell
        self._request = _Request(verb, record, now, rang=bool(question.get("ring")))
        self.share.ask(question)

    def _loss(self, answer: Json, now: float) -> str:
        """Process an answer; return why the lease is lost by it, or an empty string."""
        request = self._request
        assert request is not None  # noqa: S101 - there is no answer without it
        self._problem = str(answer.get("message", ""))
        if self._problem:
            self._due = now + _RETRY_SECONDS
        elif request.verb == "look":
            snapshot = Snapshot(answer["generation"], answer["text"], answer["image"])
            self._watch = self._watch.after(
                snapshot, sent=request.sent, answered=now, rang=request.rang
            )
            # a heartbeat was seen: ring for the next one
            if self._watch.may_take(self.me) or not self._watch.rung:
                self._due = now
        elif request.verb == "take":
            if answer["taken"]:
                return self._taken(request, now)
            # another instance was faster: start again
            self._watch, self._due = Watch(), now
        elif not answer["mine"]:
            return "another instance took over"
        elif self._tenure is not None:
            self._bell = str(answer["bell"])
            self._tenure = replace(self._tenure, confirmed=request.sent)
            self._last_heartbeat = self.clock.now()
            # a slow heartbeat counts from its start, so the next one follows at once
            self._due = request.sent + HEARTBEAT if now - request.sent < HEARTBEAT else now
        return ""

    def _taken(self, request: _Request, now: float) -> str:
        assert request.record is not None  # noqa: S101 - it was sent
        self._tenure = Tenure(request.record, request.sent)
        self._last_heartbeat = self.clock.now()
        self._due = request.sent + HEARTBEAT
        if self._tenure.expired(now):
            return "the share answered too late"
        self._report(LeaseState.HELD)
        self.machine.held()
        return ""

    def _notice_pause(self, now: float) -> None:
        """After a pause of the whole machine, check at once which instance holds the lease."""
        offset = self._wall_offset()
        if abs(offset - self._offset) > _PAUSE_SECONDS:
            self._due = now
        self._offset = offset

    def _notice_silence(self, now: float) -> None:
        assert self._request is not None  # noqa: S101 - a busy child has a request
        silent = now - self._request.sent
        if silent >= _SILENCE_SECONDS:
            self._problem = f"the share has not answered for {silent:.0f} s"
        if self._tenure is None and silent >= _CHILD_SECONDS:
            self.share.abandon()
            self._due = now + POLL

    def _lose(self, why: str) -> ExitStatus:
        if self._tenure is not None:
            self.machine.fence()
        self._problem = why
        self._report(LeaseState.LOST)
        self.share.abandon()
        return ExitStatus.LOST

    def _end(self) -> ExitStatus:
        """Release the lease, unless the state directory is still in use."""
        state = LeaseState.RELEASED
        if self._tenure is not None and self.machine.state_is_mounted():
            # unmounting failed, or the daemon alone was stopped
            self.machine.fence()
            self._problem, state = "stopped while the state was mounted", LeaseState.LOST
        elif self._tenure is not None and not self._released(self._tenure.record):
            self._problem, state = "the share did not confirm the release", LeaseState.LOST
        self._report(state)
        self.share.abandon()
        return ExitStatus.STOPPED

    def _released(self, record: LeaseRecord) -> bool:
        if self.share.busy and self.share.answer(timeout=_RELEASE_SECONDS) is None:
            return False
        self._send("release", replace(record.next_beat(), released=True), self.clock.monotonic())
        answer = self.share.answer(timeout=_RELEASE_SECONDS)
        return answer is not None and answer.get("mine") is True

    def _report(self, state: LeaseState) -> None:
        self._reported = self.clock.monotonic()
        mine, seen = self._tenure, self._watch.snapshot
        other = None if mine is not None or seen is None else seen.record
        report = LeaseReport(
            state=state,
            generation=mine.record.generation if mine else seen.generation if seen else 0,
            holder=mine.record.holder if mine else None,
            suspects=tuple(s.generation for s in mine.record.suspects) if mine else (),
            waiting_for=other.holder if other else None,
            silent_seconds=0 if mine else int(self._watch.quiet),
            last_heartbeat=self._last_heartbeat,
            problem=self._problem,
            updated=self.clock.now(),
        )
        self.machine.report(report)

    def _wall_offset(self) -> float:
        return self.clock.now().timestamp() - self.clock.monotonic()
