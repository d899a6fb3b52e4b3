"""What the lease's daemon tells the instance: /run/clawbot/lease.json.

Who wants to know how the lease is reads this file, never the share.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from clawbot_agent.core.paths import LEASE_FILE
from clawbot_agent.features.lease.record import Holder
from clawbot_agent.host.files import Files

__all__ = ["FRESH_SECONDS", "LeaseReport", "LeaseState", "read_report", "share_is_silent"]

_SCHEMA: Final = 1
# the daemon writes at least every few seconds; an older report is of a daemon that is gone
FRESH_SECONDS: Final = 30
# the lease's daemon beats every 10 s, on the share that has the state
_SILENT_SECONDS: Final = 25


class LeaseState(StrEnum):
    """How the daemon's instance stands to the lease."""

    WAITING = "waiting"
    HELD = "held"
    LOST = "lost"
    RELEASED = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseReport:
    """Content of lease.json.

    Attributes:
        generation: that is held, or that is waited for to end.
        holder: this instance, when it holds the lease.
        suspects: generations whose holders may still have the state open.
        waiting_for: who has the lease instead.
        quiet_seconds: for how long that one has given no sign of life.
        last_beat: wall clock of the last beat that arrived.
        problem: what is wrong with the share, one line.
        updated: wall clock of this report.
    """

    state: LeaseState
    generation: int = 0
    holder: Holder | None = None
    suspects: tuple[int, ...] = ()
    waiting_for: Holder | None = None
    quiet_seconds: int = 0
    last_beat: datetime | None = None
    problem: str = ""
    updated: datetime = field(default_factory=lambda: datetime.min.replace(tzinfo=UTC))

    @property
    def clean(self) -> bool:
        """Whether nobody else can have the state open."""
        return not self.suspects

    def is_fresh(self, now: datetime) -> bool:
        """Whether a living daemon wrote it."""
        return abs((now - self.updated).total_seconds()) <= FRESH_SECONDS

    def document(self) -> str:
        """As it is stored."""
        document = {
            "schema": _SCHEMA,
            "state": self.state.value,
            "generation": self.generation,
            "holder": _holder(self.holder),
            "clean": self.clean,
            "suspects": list(self.suspects),
            "waiting_for": _holder(self.waiting_for),
            "quiet_seconds": self.quiet_seconds,
            "last_beat": _time(self.last_beat),
            "problem": self.problem,
            "updated": _time(self.updated),
        }
        return json.dumps(document, indent=2) + "\n"


def read_report(files: Files) -> LeaseReport | None:
    """The last report; None without a readable one."""
    try:
        found: dict[str, Any] = json.loads(files.read_text(LEASE_FILE) or "null") or {}
        return LeaseReport(
            state=LeaseState(found["state"]),
            generation=int(found["generation"]),
            holder=_given(found["holder"]),
            suspects=tuple(int(number) for number in found["suspects"]),
            waiting_for=_given(found["waiting_for"]),
            quiet_seconds=int(found["quiet_seconds"]),
            last_beat=datetime.fromisoformat(found["last_beat"]) if found["last_beat"] else None,
            problem=str(found["problem"]),
            updated=datetime.fromisoformat(found["updated"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def share_is_silent(files: Files, now: datetime) -> bool:
    """Whether the holder's beats do not get through to the share; not without a lease."""
    report = read_report(files)
    if report is None or report.state is not LeaseState.HELD or not report.is_fresh(now):
        return False
    beat = report.last_beat
    return beat is not None and (now - beat).total_seconds() >= _SILENT_SECONDS


def _holder(holder: Holder | None) -> dict[str, str] | None:
    if holder is None:
        return None
    return {name: getattr(holder, name) for name in holder.__slots__}


def _given(found: dict[str, str] | None) -> Holder | None:
    return None if found is None else Holder(**found)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
