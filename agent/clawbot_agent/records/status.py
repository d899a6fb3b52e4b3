"""What a run did: the document that `status.json` holds and that tests pin."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

from clawbot_agent.core.errors import ClawbotError, ErrorRef, FailureCause

__all__ = [
    "SCHEMA",
    "Result",
    "RunStatus",
    "StageError",
    "StageStatus",
    "State",
    "cause_of",
    "error_ref",
]

SCHEMA: Final = 1


class State(StrEnum):
    """Of a stage."""

    PENDING = "pending"
    RUNNING = "running"
    UNCHANGED = "unchanged"
    CHANGED = "changed"
    SKIPPED = "skipped"
    DEGRADED = "degraded"
    FAILED = "failed"


class Result(StrEnum):
    """Of a run."""

    RUNNING = "running"
    CONVERGED = "converged"
    DEGRADED = "degraded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class StageError:
    """A `ClawbotError` as the documents carry it.

    `advice` is the hint that belongs to the code: the same for every bot, without a name in it.
    """

    code: str
    message: str
    hint: str
    retryable: bool
    advice: str = ""
    cause: FailureCause = FailureCause.UNCERTAIN

    @classmethod
    def of(cls, error: ClawbotError) -> Self:
        """From the exception."""
        return cls(
            error.code, error.message, error.hint, error.retryable, type(error).hint, error.cause
        )

    @classmethod
    def parsed(cls, found: dict[str, Any]) -> Self:
        """From JSON, also that of an agent that knew no causes or knows more of them.

        Raises:
            KeyError, TypeError: a key is missing.
        """
        return cls(
            code=str(found["code"]),
            message=str(found["message"]),
            hint=str(found["hint"]),
            retryable=bool(found["retryable"]),
            advice=str(found.get("advice", "")),
            cause=cause_of(found),
        )

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "retryable": self.retryable,
            "advice": self.advice,
            "cause": self.cause.value,
        }


@dataclass(frozen=True, slots=True)
class StageStatus:
    """One stage in a run.

    `seconds` is its whole time, waits included; `expected` what it is used to take. A stage that
    is under way has an `error` while it waits to try again.
    """

    name: str
    phase: str
    state: State = State.PENDING
    reason: str = ""
    attempts: int = 0
    started: datetime | None = None
    seconds: float | None = None
    error: StageError | None = None
    title: str = ""
    expected: float = 0.0

    def document(self) -> dict[str, Any]:
        """As JSON; these keys are a promise."""
        return {
            "name": self.name,
            "phase": self.phase,
            "state": self.state.value,
            "reason": self.reason,
            "attempts": self.attempts,
            "started": _text(self.started),
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "error": None if self.error is None else self.error.document(),
            "title": self.title,
            "expected": self.expected,
        }


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A whole run, at one moment."""

    instance_id: str
    boot_id: str
    agent_version: str
    started: datetime
    stages: tuple[StageStatus, ...]
    result: Result = Result.RUNNING
    finished: datetime | None = None

    def stage(self, name: str) -> StageStatus:
        """The stage called `name`."""
        return next(stage for stage in self.stages if stage.name == name)

    def having(self, changed: StageStatus) -> Self:
        """The same run with one stage replaced."""
        stages = tuple(changed if s.name == changed.name else s for s in self.stages)
        return replace(self, stages=stages)

    def document(self) -> dict[str, Any]:
        """As JSON; these keys are a promise."""
        return {
            "schema": SCHEMA,
            "instance_id": self.instance_id,
            "boot_id": self.boot_id,
            "agent_version": self.agent_version,
            "result": self.result.value,
            "started": _text(self.started),
            "finished": _text(self.finished),
            "stages": [stage.document() for stage in self.stages],
        }


def cause_of(error: dict[str, Any]) -> FailureCause:
    """The cause in an error of a document; uncertain when it says none that is known here."""
    try:
        return FailureCause(str(error.get("cause")))
    except ValueError:
        return FailureCause.UNCERTAIN


def error_ref(error: dict[str, Any]) -> ErrorRef:
    """The error of a stage in a document."""
    return ErrorRef(str(error["code"]), cause_of(error))


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds")
