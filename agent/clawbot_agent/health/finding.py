"""What a look at one part of the bot found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from clawbot_agent.core.errors import ErrorRef

__all__ = ["Component", "Finding", "State", "age_text"]


class State(StrEnum):
    """Of one component."""

    OK = "ok"
    STARTING = "starting"
    """On its way; waiting is enough."""
    WARNING = "warning"
    """It works, with something that somebody should look at."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """The look at it failed or does not come back."""
    PENDING = "pending"
    """Not looked at yet: the sidecar has just started."""
    ABSENT = "absent"
    """This bot has no such part."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One look at one component.

    Attributes:
        state: how it is.
        reason: why, for people: one line, no secret.
        figures: numbers worth a metric, by name with unit ("free_bytes").
        errors: behind it, as docs/reference/errors.md lists them.
        story: the document that was read, for pages that tell more of it; None without one.
    """

    state: State
    reason: str
    figures: Mapping[str, float] = field(default_factory=dict)
    errors: tuple[ErrorRef, ...] = ()
    story: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Component:
    """One part of the bot as it is known at a moment; `since` is when its state became this."""

    name: str
    state: State
    reason: str
    since: datetime
    figures: Mapping[str, float] = field(default_factory=dict)
    errors: tuple[ErrorRef, ...] = ()
    story: Mapping[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        """As JSON; these keys are a promise."""
        return {
            "state": self.state.value,
            "since": self.since.isoformat(timespec="seconds"),
            "reason": self.reason,
        }


def age_text(seconds: float) -> str:
    """A length of time for people: "42 s", "12 min", "3 h"."""
    for size, unit, limit in ((1, "s", 120), (60, "min", 7200), (3600, "h", 172800)):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"
