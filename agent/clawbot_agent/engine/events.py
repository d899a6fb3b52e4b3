"""The events of a run, and the observers that follow it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from clawbot_agent.records.run import RunStatus

__all__ = ["Event", "Kind", "Observer"]


class Kind(StrEnum):
    """The kind of an event; operators grep for these."""

    RUN_STARTED = "run.started"
    STAGE_STARTED = "stage.started"
    STAGE_ACTION = "stage.action"
    STAGE_NOTE = "stage.note"
    STAGE_WAITING = "stage.waiting"
    REPAIR_DONE = "repair.done"
    """Something was repaired in a boot that had converged before."""
    REPAIR_FAILED = "repair.failed"
    STAGE_FINISHED = "stage.finished"
    RUN_FINISHED = "run.finished"
    FAILURE_REMEMBERED = "failure.remembered"
    FAILURE_REPEATED = "failure.repeated"
    FAILURES_FORGOTTEN = "failures.forgotten"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. The runner has removed secrets from the texts in `data`."""

    kind: Kind
    time: datetime
    stage: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


class Observer(Protocol):
    """Follows a run. Called by one thread at a time; an OSError that it raises is ignored."""

    def __call__(self, event: Event, status: RunStatus) -> None:
        """Handle `event`; `status` is the run just after it."""
        ...
