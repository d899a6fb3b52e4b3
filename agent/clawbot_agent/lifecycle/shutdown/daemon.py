"""The watcher of Azure's scheduled events, which shuts the instance down in order.

An operator's leave request (`clawbot-agent leave`) counts as one more event.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from clawbot_agent.azure.metadata import Notice, agree, announced, instance_name
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import SCHEDULED_EVENTS_FILE
from clawbot_agent.host import Host
from clawbot_agent.host.systemd import Notifier
from clawbot_agent.lifecycle.shutdown.leave import Leave, ShutdownMachine
from clawbot_agent.records.shutdown import (
    LEAVE_REQUEST,
    SHUTDOWN,
    LeaveRequest,
    ShutdownPhase,
    ShutdownReport,
)

_LEAVE: Final = "Leave"
_WATCHING_SECONDS: Final = 2.0
_LEAVING_SECONDS: Final = 1.0
_TROUBLE_SECONDS: Final = 5.0
# outside Azure the metadata service never answers
_UNANSWERED_SECONDS: Final = 30.0
_QUERY_SECONDS: Final = 5.0
_QUERY_LEAVING_SECONDS: Final = 2.0
# the first request turns the feature on, which takes up to two minutes
_FIRST_SECONDS: Final = 130.0
# a started event leaves the list before the machine stops
_ALIVE_SECONDS: Final = 600.0
# a metadata service that has just restarted may list nothing for some queries
_ABSENT_SECONDS: Final = 30.0
# what a machine has left when its event starts without an approval
_STARTED_SECONDS: Final = 5.0
_REPORT_SECONDS: Final = 10.0
# Azure lists the event that caused a boot for minutes after it
_REBOOTING: Final = frozenset({"Reboot", "Redeploy"})
_ENDING: Final = _REBOOTING | {"Terminate", "Preempt", _LEAVE}

ReportEvent = Callable[[str, str], None]
"""Reports an event by its name and one line of text."""


def _notice(request: LeaveRequest) -> Notice:
    """Return a leave request as an event that needs no approval."""
    return Notice(
        event_id=f"leave {request.until.isoformat()}",
        kind=_LEAVE,
        resources=(),
        scheduled=False,
        not_before=request.until,
    )


@dataclass(slots=True)
class ShutdownDaemon:
    """One life of the watcher; it continues what an earlier one began.

    Attributes:
        host: the machine; its limit's `canceled` ends the watcher.
        report_event: called when something changes, not for each query.
    """

    host: Host
    machine: ShutdownMachine
    notifier: Notifier
    report_event: ReportEvent
    _report: ShutdownReport = field(default_factory=ShutdownReport)
    _name: str = ""
    _leave: Leave | None = None
    _mine: tuple[Notice, ...] = ()
    # Azure's last answer, for the times when it does not answer and an operator requests
    _azure: tuple[Notice, ...] = ()
    _requested: bool = False
    _approved: set[str] = field(default_factory=set)
    _noted: set[str] = field(default_factory=set)
    # the machine has just booted; its own reboot may be on the list, as one that has started
    _booted: bool = False
    _survived: set[str] = field(default_factory=set)
    _started: dict[str, datetime] = field(default_factory=dict)
    _absent_since: float | None = None
    # when the machine may stop, or when the event was approved
    _end: datetime | None = None
    # an approval was sent; the answer may not have arrived
    _sent: bool = False
    _written: float = float("-inf")
    _unwritten: str = ""

    def run(self) -> None:
        """Watch until the limit is canceled."""
        self.begin()
        stop = self.host.limit.canceled
        while not stop.is_set():
            self.host.clock.wait(stop, self.tick())
        self._withdraw()

    def begin(self) -> None:
        """Continue what the previous watcher had begun."""
        before = SHUTDOWN.load(self.host.files)
        self._booted = before is None
        self._report = before or self._report
        if self._report.leaving:
            # a watcher in a safe phase may have sent its approval just before it ended
            self._requested = self._report.kind == _LEAVE
            self._sent = self._report.phase.safe and not self._requested
            self._end = self._report.not_before or self.host.clock.now()
            self._start_leaving()
        self.notifier.ready(self._report.text)
        self._write()

    def tick(self) -> float:
        """Query and continue; return the seconds until the next time."""
        self.notifier.watchdog()
        notices = self._query()
        if notices is not None:
            self._azure = self._ahead(notices)
        request = LEAVE_REQUEST.load(self.host.files)
        if request is not None and self.host.clock.now() >= request.until:
            request = None
        self._requested = self._requested or request is not None
        if notices is not None or self._requested:
            self._take_in((*self._azure, *((_notice(request),) if request else ())))
        if self._leave is not None:
            self._continue(self._leave)
        if self.host.clock.monotonic() - self._written >= _REPORT_SECONDS:
            self._write()
        if self._leave is not None:
            return _LEAVING_SECONDS
        if notices is not None:
            return _WATCHING_SECONDS
        return _UNANSWERED_SECONDS if self._report.answered is None else _TROUBLE_SECONDS

    def _query(self) -> tuple[Notice, ...] | None:
        """Return what is announced; None when the metadata service does not answer."""
        timeout = _QUERY_SECONDS if self._leave is None else _QUERY_LEAVING_SECONDS
        first = self._report.answered is None
        if first:
            timeout = _FIRST_SECONDS
        try:
            self._name = self._name or instance_name(self.host.get_json)
            found = announced(self.host.get_json, timeout=timeout)
        except ClawbotError as error:
            if self._leave is None:
                self._change(problem=error.message)
            return None
        # not written each time: every ten seconds is enough
        self._report = replace(self._report, answered=self.host.clock.now())
        if self._leave is None:
            self._change(problem="")
        if first:
            self._write()
        return found.notices

    def _ahead(self, notices: tuple[Notice, ...]) -> tuple[Notice, ...]:
        """Return the notices for this instance that are still to come."""
        mine = [one for one in notices if one.names(self._name)]
        if self._booted:
            self._booted = False
            for one in mine:
                if one.kind in _REBOOTING and not one.scheduled:
                    self._survived.add(one.event_id)
                    self.report_event("scheduled.noted", f"{one.kind} caused this boot")
        return tuple(one for one in mine if one.event_id not in self._survived)

    def _take_in(self, notices: tuple[Notice, ...]) -> None:
        for notice in notices:
            if notice.kind not in _ENDING and notice.event_id not in self._noted:
                self._noted.add(notice.event_id)
                self.report_event("scheduled.noted", f"{notice.kind} is announced; nothing to do")
        self._mine = tuple(one for one in notices if one.kind in _ENDING)
        if not self._mine:
            self._miss()
            return
        self._absent_since = None
        if not self._sent:
            self._end = min(map(self._start_of, self._mine))
        self._report_reason()
        if self._leave is None:
            self._start_leaving()
        else:
            self._leave.hurry(self._left())

    def _report_reason(self) -> None:
        """Report Azure's reason before an operator's; an approved event stays the reason."""
        first = min(self._mine, key=lambda one: (one.kind == _LEAVE, self._start_of(one)))
        if self._sent and first.kind == _LEAVE:
            return
        news = first.kind != self._report.kind
        # before anything else: from here on no run starts anything
        phase = ShutdownPhase.DRAINING if self._leave is None else self._report.phase
        self._change(phase=phase, kind=first.kind, not_before=first.not_before)
        if news:
            self.report_event(
                "scheduled.announced", f"{self._report.text}; {self._left():.0f} s left"
            )

    def _start_leaving(self) -> None:
        self._leave = Leave(self.machine, self.host.clock)
        self._leave.begin(self._left())

    def _continue(self, leave: Leave) -> None:
        leave.tick()
        self._note(leave)
        if leave.phase.safe:
            # reported before the machine can be gone
            self._approve(leave)
            self._note(leave)

    def _note(self, leave: Leave) -> None:
        if leave.phase is self._report.phase and leave.problem == self._report.problem:
            return
        changed = leave.phase is not self._report.phase
        self._change(phase=leave.phase, problem=leave.problem)
        if changed:
            self.report_event(f"scheduled.{leave.phase}", self._report.text)

    def _approve(self, leave: Leave) -> None:
        """Let Azure proceed without waiting for the rest of the time."""
        problem = ""
        for notice in self._mine:
            if notice.event_id in self._approved or not notice.scheduled:
                continue
            if not notice.names_only(self._name):
                problem = "not approved: the event affects other machines as well"
                continue
            self._sent, self._end = True, self.host.clock.now()
            try:
                agree(self.host.post_json, notice.event_id)
            except ClawbotError as error:
                problem = error.message
                continue
            self._approved.add(notice.event_id)
        leave.problem = problem
        if self._mine and not problem:
            leave.phase = ShutdownPhase.APPROVED

    def _miss(self) -> None:
        """Go back to work when the event was canceled, or is over without effect."""
        if self._leave is None or self._end is None:
            return
        now = self.host.clock.monotonic()
        if self._absent_since is None:
            self._absent_since = now
        since = (self.host.clock.now() - self._end).total_seconds()
        canceled = not self._sent and since < 0
        absent = now - self._absent_since >= _ABSENT_SECONDS
        kind = self._report.kind
        # a leave request states its own end, unless an event of Azure was approved meanwhile
        alive = 0.0 if kind == _LEAVE and not self._sent else _ALIVE_SECONDS
        if not (absent and (canceled or since >= alive)):
            return
        why = "was canceled" if canceled else "is over, and the instance still exists"
        self._leave, self._end, self._absent_since, self._sent = None, None, None, False
        self._requested = False
        self._approved.clear()
        self._change(phase=ShutdownPhase.WATCHING, kind=None, not_before=None, problem="")
        self.report_event("scheduled.over", f"{kind} {why}: the agent starts the bot again")
        self.machine.return_to_work()

    def _start_of(self, notice: Notice) -> datetime:
        """Return when the event may happen; for a started one, when that was first seen."""
        now = self.host.clock.now()
        return notice.not_before or self._started.setdefault(notice.event_id, now)

    def _left(self) -> float:
        """Return the seconds until the machine may stop."""
        if self._end is None:
            return _STARTED_SECONDS
        return max(_STARTED_SECONDS, (self._end - self.host.clock.now()).total_seconds())

    def _change(self, **changes: Any) -> None:  # noqa: ANN401 - fields of ShutdownReport
        after = replace(self._report, **changes)
        if after != self._report:
            self._report = after
            self.notifier.status(after.text if after.leaving else after.problem or after.text)
            self._write()

    def _withdraw(self) -> None:
        """Remove a report that would get stale; that of a shutdown stays."""
        if not self._report.leaving:
            with contextlib.suppress(ClawbotError):
                self.host.files.remove(SCHEDULED_EVENTS_FILE)

    def _write(self) -> None:
        self._written = self.host.clock.monotonic()
        try:
            SHUTDOWN.save(self.host.files, replace(self._report, updated=self.host.clock.now()))
            self._unwritten = ""
        except ClawbotError as error:
            # the shutdown matters more, but without its report a run would start things
            if error.message != self._unwritten:
                self._unwritten = error.message
                self.report_event(
                    "scheduled.trouble", f"the report cannot be written: {error.message}"
                )
