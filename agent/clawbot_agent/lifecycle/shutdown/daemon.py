"""Asks Azure every two seconds what it is going to do with the instance, and leaves in order.

An operator's wish (`clawbot-agent leave`) counts as one of Azure's announcements.
"""

import contextlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Protocol

from clawbot_agent.azure.instance import instance_name
from clawbot_agent.azure.scheduled_events import Notice, agree, announced
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import SCHEDULED_EVENTS_FILE
from clawbot_agent.host import Host
from clawbot_agent.host.notify import Notifier
from clawbot_agent.lifecycle.shutdown.leave import Leave
from clawbot_agent.lifecycle.shutdown.leave_request import LEAVE, read_wish
from clawbot_agent.lifecycle.shutdown.ports import Machine
from clawbot_agent.lifecycle.shutdown.report import EventsReport, Phase, read_report

__all__ = ["Daemon", "Tell"]

_WATCHING_SECONDS: Final = 2.0
_LEAVING_SECONDS: Final = 1.0
_TROUBLE_SECONDS: Final = 5.0
# outside Azure nobody ever answers
_UNHEARD_SECONDS: Final = 30.0
_ASK_SECONDS: Final = 5.0
_ASK_LEAVING_SECONDS: Final = 2.0
# the first request turns the feature on, which takes up to two minutes
_FIRST_SECONDS: Final = 130.0
# an event that has started is taken off the list before all is over
_ALIVE_SECONDS: Final = 600.0
# a service that was just restarted may have nothing on its list for some looks
_ABSENT_SECONDS: Final = 30.0
# what a machine is left whose event has started without its agreement
_STARTED_SECONDS: Final = 5.0
_REPORT_SECONDS: Final = 10.0
# what a boot finds of these is the one that brought it about: Azure lists it for minutes after
_REBOOTING: Final = frozenset({"Reboot", "Redeploy"})
_ENDING: Final = _REBOOTING | {"Terminate", "Preempt", LEAVE}


class Tell(Protocol):
    """Says a fact where people look: events.jsonl, the console, the journal."""

    def __call__(self, event: str, text: str) -> None:
        """`event` is its name, `text` one line."""
        ...


@dataclass(slots=True)
class Daemon:
    """One life of it; it goes on with what an earlier one has begun.

    Attributes:
        host: the machine; its limit's `cancelled` ends the daemon.
        tell: is called when something changes, not for each poll.
    """

    host: Host
    machine: Machine
    notifier: Notifier
    tell: Tell
    _report: EventsReport = field(default_factory=EventsReport)
    _name: str = ""
    _leave: Leave | None = None
    _mine: tuple[Notice, ...] = ()
    # Azure's last word, for the times when it does not answer and an operator asks
    _azure: tuple[Notice, ...] = ()
    _wished: bool = False
    _agreed: set[str] = field(default_factory=set)
    _noted: set[str] = field(default_factory=set)
    # the machine has just booted; its own reboot may be on the list, as one that has started
    _booted: bool = False
    _survived: set[str] = field(default_factory=set)
    _started: dict[str, datetime] = field(default_factory=dict)
    _absent_since: float | None = None
    # when the machine may be cut, or was agreed to be
    _end: datetime | None = None
    # Azure was told to go ahead; the answer may not have arrived
    _asked: bool = False
    _written: float = float("-inf")
    _unwritten: str = ""

    def run(self) -> None:
        """Watch until told to stop."""
        self.begin()
        stop = self.host.limit.cancelled
        while not stop.is_set():
            self.host.clock.wait(stop, self.tick())
        self._withdraw()

    def begin(self) -> None:
        """Take up what was under way when the daemon before this one ended."""
        before = read_report(self.host.files)
        self._booted = before is None
        self._report = before or self._report
        if self._report.leaving:
            # whoever was that far may have asked just before it ended
            self._wished = self._report.kind == LEAVE
            self._asked = self._report.phase.safe and not self._wished
            self._end = self._report.not_before or self.host.clock.now()
            self._start_leaving()
        self.notifier.ready(self._report.text)
        self._write()

    def tick(self) -> float:
        """Ask and go on; seconds to wait until the next time."""
        self.notifier.watchdog()
        notices = self._ask()
        if notices is not None:
            self._azure = self._ahead(notices)
        wish = read_wish(self.host.files, now=self.host.clock.now())
        self._wished = self._wished or wish is not None
        if notices is not None or self._wished:
            self._take_in((*self._azure, *((wish.notice,) if wish else ())))
        if self._leave is not None:
            self._go_on(self._leave)
        if self.host.clock.monotonic() - self._written >= _REPORT_SECONDS:
            self._write()
        if self._leave is not None:
            return _LEAVING_SECONDS
        if notices is not None:
            return _WATCHING_SECONDS
        return _UNHEARD_SECONDS if self._report.answered is None else _TROUBLE_SECONDS

    def _ask(self) -> tuple[Notice, ...] | None:
        """What is announced; None when the metadata service does not say."""
        timeout = _ASK_SECONDS if self._leave is None else _ASK_LEAVING_SECONDS
        if self._report.answered is None:
            timeout = _FIRST_SECONDS
        try:
            self._name = self._name or instance_name(self.host.get_json)
            found = announced(self.host.get_json, timeout=timeout)
        except ClawbotError as error:
            if self._leave is None:
                self._change(problem=error.message)
            return None
        unheard = self._report.answered is None
        # not written each time: every ten seconds is enough
        self._report = replace(self._report, answered=self.host.clock.now())
        if self._leave is None:
            self._change(problem="")
        if unheard:
            self._write()
        return found.notices

    def _ahead(self, notices: tuple[Notice, ...]) -> tuple[Notice, ...]:
        """Those for this instance that are still to come."""
        mine = [one for one in notices if one.names(self._name)]
        if self._booted:
            self._booted = False
            for one in mine:
                if one.kind in _REBOOTING and not one.scheduled:
                    self._survived.add(one.event_id)
                    self.tell("scheduled.noted", f"{one.kind} is what this boot comes from")
        return tuple(one for one in mine if one.event_id not in self._survived)

    def _take_in(self, notices: tuple[Notice, ...]) -> None:
        for notice in notices:
            if notice.kind not in _ENDING and notice.event_id not in self._noted:
                self._noted.add(notice.event_id)
                self.tell("scheduled.noted", f"{notice.kind} is announced, nothing is to be done")
        self._mine = tuple(one for one in notices if one.kind in _ENDING)
        if not self._mine:
            self._miss()
            return
        self._absent_since = None
        if not self._asked:
            self._end = min(map(self._start_of, self._mine))
        self._tell_why()
        if self._leave is None:
            self._start_leaving()
        else:
            self._leave.hurry(self._left())

    def _tell_why(self) -> None:
        """Azure's reason before an operator's; and what Azure was told to do stays the reason."""
        first = min(self._mine, key=lambda one: (one.kind == LEAVE, self._start_of(one)))
        if self._asked and first.kind == LEAVE:
            return
        news = first.kind != self._report.kind
        # before anything else: from here on no run starts anything
        phase = Phase.DRAINING if self._leave is None else self._report.phase
        self._change(phase=phase, kind=first.kind, not_before=first.not_before)
        if news:
            self.tell("scheduled.announced", f"{self._report.text}; {self._left():.0f} s are left")

    def _start_leaving(self) -> None:
        self._leave = Leave(self.machine, self.host.clock)
        self._leave.begin(self._left())

    def _go_on(self, leave: Leave) -> None:
        leave.tick()
        self._note(leave)
        if leave.phase.safe:
            # the story is told before the machine can be gone
            self._agree(leave)
            self._note(leave)

    def _note(self, leave: Leave) -> None:
        if leave.phase is self._report.phase and leave.problem == self._report.problem:
            return
        changed = leave.phase is not self._report.phase
        self._change(phase=leave.phase, problem=leave.problem)
        if changed:
            self.tell(f"scheduled.{leave.phase}", self._report.text)

    def _agree(self, leave: Leave) -> None:
        """Azure need not wait for the rest of the time."""
        problem = ""
        for notice in self._mine:
            if notice.event_id in self._agreed or not notice.scheduled:
                continue
            if not notice.names_only(self._name):
                problem = "not agreed to: the event is about other machines as well"
                continue
            self._asked, self._end = True, self.host.clock.now()
            try:
                agree(self.host.post_json, notice.event_id)
            except ClawbotError as error:
                problem = error.message
                continue
            self._agreed.add(notice.event_id)
        leave.problem = problem
        if self._mine and not problem:
            leave.phase = Phase.AGREED

    def _miss(self) -> None:
        """Nothing is on the list: back to work when it was called off, or nothing came of it."""
        if self._leave is None or self._end is None:
            return
        now = self.host.clock.monotonic()
        if self._absent_since is None:
            self._absent_since = now
        since = (self.host.clock.now() - self._end).total_seconds()
        called_off = not self._asked and since < 0
        absent = now - self._absent_since >= _ABSENT_SECONDS
        kind = self._report.kind
        # who asked for it said himself for how long, unless Azure has its word meanwhile
        alive = 0.0 if kind == LEAVE and not self._asked else _ALIVE_SECONDS
        if not (absent and (called_off or since >= alive)):
            return
        why = "is called off" if called_off else "is over, and the instance is still here"
        self._leave, self._end, self._absent_since, self._asked = None, None, None, False
        self._wished = False
        self._agreed.clear()
        self._change(phase=Phase.WATCHING, kind="", not_before=None, problem="")
        self.tell("scheduled.over", f"{kind} {why}: the agent starts the bot again")
        self.machine.return_to_work()

    def _start_of(self, notice: Notice) -> datetime:
        """When it may happen; of one that has started, when that was first seen."""
        now = self.host.clock.now()
        return notice.not_before or self._started.setdefault(notice.event_id, now)

    def _left(self) -> float:
        """Seconds until the machine may be cut."""
        if self._end is None:
            return _STARTED_SECONDS
        return max(_STARTED_SECONDS, (self._end - self.host.clock.now()).total_seconds())

    def _change(self, **changes: Any) -> None:  # noqa: ANN401 - fields of EventsReport
        after = replace(self._report, **changes)
        if after != self._report:
            self._report = after
            self.notifier.status(after.text if after.leaving else after.problem or after.text)
            self._write()

    def _withdraw(self) -> None:
        """Whoever stops the watching is not told for ever how it was; what is begun stays told."""
        if not self._report.leaving:
            with contextlib.suppress(ClawbotError):
                self.host.files.remove(SCHEDULED_EVENTS_FILE)

    def _write(self) -> None:
        self._written = self.host.clock.monotonic()
        text = self._report.at(self.host.clock.now()).document()
        try:
            self.host.files.write(SCHEDULED_EVENTS_FILE, text, mode=0o644)
            self._unwritten = ""
        except ClawbotError as error:
            # leaving matters more than telling; but a run would not know that it must not start
            if error.message != self._unwritten:
                self._unwritten = error.message
                self.tell("scheduled.trouble", f"the report is not written: {error.message}")
