"""The contract of health checks: a check of one component takes a `Host`, returns a `Finding`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from clawbot_agent.core.errors import ErrorRef
from clawbot_agent.records.run import RunStatus


class ComponentState(StrEnum):
    """State of one component."""

    OK = "ok"
    STARTING = "starting"
    """Not ready yet; waiting is enough."""
    WARNING = "warning"
    """It works, and needs attention."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """The check failed or hangs."""
    PENDING = "pending"
    """Not checked yet: the sidecar has just started."""
    ABSENT = "absent"
    """This bot has no such component."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        reason: one line, no secret.
        figures: numbers for metrics, by name with unit ("free_bytes").
        errors: the errors behind it, as docs/reference/errors.md lists them.
        run: the run that was found, for pages that show more of it.
    """

    state: ComponentState
    reason: str
    figures: Mapping[str, float] = field(default_factory=dict)
    errors: tuple[ErrorRef, ...] = ()
    run: RunStatus | None = None


def age_text(seconds: float) -> str:
    """Return a length of time for operators: "42 s", "12 min", "3 h"."""
    for size, unit, limit in ((1, "s", 120), (60, "min", 7200), (3600, "h", 172800)):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"
