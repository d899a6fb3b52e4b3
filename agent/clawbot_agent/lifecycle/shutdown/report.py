"""What the rest of the instance is told: /run/clawbot/scheduled-events.json.

As long as it says that the instance leaves, `clawbot-agent run` does nothing. It is in /run: a
reboot is a new beginning.
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Self

from clawbot_agent.core.paths import SCHEDULED_EVENTS_FILE
from clawbot_agent.host.files import Files

__all__ = ["EventsReport", "Phase", "read_report"]

_SCHEMA: Final = 1
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class Phase(StrEnum):
    """How far the instance is with leaving."""

    WATCHING = "watching"
    """Nothing is announced."""
    DRAINING = "draining"
    """The gateway ends its sessions."""
    FLUSHING = "flushing"
    """The state is unmounted, the lease given back."""
    FLUSHED = "flushed"
    """The memory is safe; Azure has not been told."""
    UNSAFE = "unsafe"
    """The memory may not be on the share; the event is not agreed to."""
    AGREED = "agreed"
    """Azure may go ahead."""

    @property
    def safe(self) -> bool:
        """Whether all of the memory is on the share."""
        return self in {Phase.FLUSHED, Phase.AGREED}


@dataclass(frozen=True, slots=True)
class EventsReport:
    """Content of scheduled-events.json.

    Attributes:
        kind: of the event: Terminate, Preempt, Reboot, Redeploy, or Leave, which an operator asked
            for; empty without one.
        not_before: when Azure goes ahead without being told.
        problem: what is wrong, one line.
        answered: when the metadata service gave its last answer; None before the first.
        updated: wall clock of this report.
    """

    phase: Phase = Phase.WATCHING
    kind: str = ""
    not_before: datetime | None = None
    problem: str = ""
    answered: datetime | None = None
    updated: datetime = _NEVER

    @property
    def leaving(self) -> bool:
        """Whether nothing may be started any more."""
        return self.phase is not Phase.WATCHING

    @property
    def text(self) -> str:
        """For people, one line."""
        if not self.leaving:
            return "nothing is announced"
        when = "under way" if self.not_before is None else f"at {self.not_before:%H:%M:%S} UTC"
        tail = f" ({self.problem})" if self.problem else ""
        return f"{self.kind} {when}, {self.phase}{tail}"

    def at(self, now: datetime) -> Self:
        """The same, written at `now`."""
        return replace(self, updated=now)

    def document(self) -> str:
        """As it is stored; these keys are a promise."""
        document = {
            "schema": _SCHEMA,
            "phase": self.phase.value,
            "leaving": self.leaving,
            "kind": self.kind or None,
            "not_before": _text(self.not_before),
            "problem": self.problem,
            "answered": _text(self.answered),
            "updated": _text(self.updated),
        }
        return json.dumps(document, indent=2) + "\n"


def read_report(files: Files) -> EventsReport | None:
    """The last report; None without a readable one."""
    try:
        found: dict[str, Any] = json.loads(files.read_text(SCHEDULED_EVENTS_FILE) or "null") or {}
        return EventsReport(
            phase=Phase(found["phase"]),
            kind=str(found["kind"] or ""),
            not_before=_moment(found["not_before"]),
            problem=str(found["problem"]),
            answered=_moment(found["answered"]),
            updated=datetime.fromisoformat(found["updated"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
