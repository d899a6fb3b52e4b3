"""Shutdown of the instance: the watcher's report and an operator's leave request, both in /run.

While the report says that the instance leaves, `clawbot-agent run` does nothing. A reboot removes
both.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar, Final

from clawbot_agent.core.paths import LEAVE_FILE, SCHEDULED_EVENTS_FILE
from clawbot_agent.records.record import Record, RecordFile

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class ShutdownPhase(StrEnum):
    """Progress of a shutdown."""

    WATCHING = "watching"
    """Nothing is announced."""
    DRAINING = "draining"
    """The gateway ends its sessions."""
    FLUSHING = "flushing"
    """The state is unmounted and the lease released."""
    FLUSHED = "flushed"
    """The bot data is safe; the event is not approved yet."""
    UNSAFE = "unsafe"
    """The bot data may not be on the share; the event is not approved."""
    APPROVED = "approved"
    """Azure may proceed."""

    @property
    def safe(self) -> bool:
        """Whether all bot data is on the share."""
        return self in {ShutdownPhase.FLUSHED, ShutdownPhase.APPROVED}


@dataclass(frozen=True, slots=True)
class ShutdownReport(Record):
    """The report of the scheduled-events watcher: scheduled-events.json.

    Attributes:
        kind: of the event: Terminate, Preempt, Reboot, Redeploy, or Leave for a leave request;
            None without one.
        not_before: the time when Azure proceeds without an approval.
        problem: what is wrong, one line.
        answered: time of the metadata service's last answer; None before the first.
        updated: wall clock of this report.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("leaving",)

    phase: ShutdownPhase = ShutdownPhase.WATCHING
    kind: str | None = None
    not_before: datetime | None = None
    problem: str = ""
    answered: datetime | None = None
    updated: datetime = _NEVER

    @property
    def leaving(self) -> bool:
        """Whether nothing may be started any more."""
        return self.phase is not ShutdownPhase.WATCHING

    @property
    def text(self) -> str:
        """The report in one line."""
        if not self.leaving:
            return "no event is announced"
        when = "under way" if self.not_before is None else f"at {self.not_before:%H:%M:%S} UTC"
        tail = f" ({self.problem})" if self.problem else ""
        return f"{self.kind} {when}, {self.phase}{tail}"


@dataclass(frozen=True, slots=True)
class LeaveRequest(Record):
    """An operator's request that the instance leaves: leave.json.

    Attributes:
        until: an instance that still exists at this time goes back to work.
    """

    until: datetime


SHUTDOWN: Final = RecordFile(SCHEDULED_EVENTS_FILE, ShutdownReport)
LEAVE_REQUEST: Final = RecordFile(LEAVE_FILE, LeaveRequest)
