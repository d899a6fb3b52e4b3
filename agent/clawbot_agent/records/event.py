"""Lines of events.jsonl: what happened in runs and beside them."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from clawbot_agent.records.record import Record, RecordError, document, parsed
from clawbot_agent.records.run import StageError


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine(Record):
    """One line. Keys without a value are left out.

    Attributes:
        run: the run's start, which names it; None for an event outside runs.
        what: the part of the bot that was repaired.
        seconds: duration of a stage or a run, or length of a wait.
    """

    SCHEMA: ClassVar[int | None] = None

    time: datetime
    event: str
    run: str | None = None
    stage: str | None = None
    level: str | None = None
    text: str | None = None
    code: str | None = None
    state: str | None = None
    result: str | None = None
    reason: str | None = None
    what: str | None = None
    attempt: int | None = None
    attempts: int | None = None
    seconds: float | None = None
    stages: tuple[str, ...] | None = None
    error: StageError | None = None

    @classmethod
    def parsed(cls, text: str) -> "EventLine | None":
        """Return the event in a line; None for one that a power cut left incomplete."""
        try:
            return parsed(cls, text)
        except RecordError:
            return None

    def keys(self) -> dict[str, object]:
        """Return the keys that have a value."""
        return {name: one for name, one in document(self).items() if one is not None}
