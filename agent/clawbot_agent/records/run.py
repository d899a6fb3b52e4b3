"""What runs leave on the disk: the last run, durations, self-repairs and back-off."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final, Self

from clawbot_agent.core.errors import ClawbotError, ErrorRef, FailureCause
from clawbot_agent.core.paths import (
    BACKOFF_FILE,
    DURATIONS_FILE,
    SELF_REPAIRS_FILE,
    STATUS_FILE,
)
from clawbot_agent.records.record import Record, RecordFile

_FIRST_WAIT: Final = timedelta(minutes=5)
_LONGEST_WAIT: Final = timedelta(minutes=60)
# 5, 10, 20, 40, 60
_DOUBLINGS: Final = 4


class StageState(StrEnum):
    """State of a stage in a run."""

    PENDING = "pending"
    RUNNING = "running"
    UNCHANGED = "unchanged"
    CHANGED = "changed"
    SKIPPED = "skipped"
    DEGRADED = "degraded"
    FAILED = "failed"


class Result(StrEnum):
    """Result of a run."""

    RUNNING = "running"
    CONVERGED = "converged"
    DEGRADED = "degraded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def good(self) -> bool:
        """Whether the run did what was required."""
        return self in {Result.CONVERGED, Result.DEGRADED}


@dataclass(frozen=True, slots=True)
class StageError:
    """A `ClawbotError` in a document.

    `advice` is the hint of the class: the same for every bot, without a name in it. Documents of
    version 0.1 have no cause.
    """

    code: str
    message: str
    hint: str
    retryable: bool
    advice: str = ""
    # no reason to replace an instance between its update and its next run
    cause: FailureCause = FailureCause.EXTERNAL

    @classmethod
    def of(cls, error: ClawbotError) -> Self:
        """Take code, texts and cause from the exception."""
        return cls(
            error.code, error.message, error.hint, error.retryable, type(error).hint, error.cause
        )

    @property
    def ref(self) -> ErrorRef:
        """Code and cause."""
        return ErrorRef(self.code, self.cause)


@dataclass(frozen=True, slots=True)
class StageStatus:
    """One stage of a run.

    `seconds` is its whole time, waits included; `expected` its usual time. A running stage has an
    `error` while it waits for the next attempt.
    """

    name: str
    phase: str
    state: StageState = StageState.PENDING
    reason: str = ""
    attempts: int = 0
    started: datetime | None = None
    seconds: float | None = None
    error: StageError | None = None
    title: str = ""
    expected: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus(Record):
    """A whole run at one moment: status.json. Its keys are a promise to operators."""

    instance_id: str
    boot_id: str
    agent_version: str
    result: Result = Result.RUNNING
    started: datetime
    finished: datetime | None = None
    stages: tuple[StageStatus, ...]

    def stage(self, name: str) -> StageStatus:
        """Return the stage called `name`."""
        return next(stage for stage in self.stages if stage.name == name)

    def having(self, changed: StageStatus) -> Self:
        """Return the same run with one stage replaced."""
        stages = tuple(changed if s.name == changed.name else s for s in self.stages)
        return replace(self, stages=stages)


@dataclass(frozen=True, slots=True)
class Durations(Record):
    """Seconds that each stage took when it last did all its work: durations.json."""

    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SelfRepair:
    """Repairs of one part; `failed` of the `count` did not help."""

    count: int
    failed: int
    last: datetime
    last_result: str


@dataclass(frozen=True, slots=True)
class SelfRepairs(Record):
    """Repairs in boots that had converged, by part: self-repairs.json. Survives reboots."""

    repairs: Mapping[str, SelfRepair]


@dataclass(frozen=True, slots=True)
class Streak:
    """Failures and repairs of one stage in a row.

    Attributes:
        last: time of the last one.
        error: of the last failure; None when the last one was a repair.
    """

    count: int
    last: datetime
    error: StageError | None

    DERIVED: ClassVar[tuple[str, ...]] = ("until",)

    @property
    def until(self) -> datetime:
        """The time of the next attempt: 5, 10, 20, 40, then 60 min after the last one."""
        wait: timedelta = _FIRST_WAIT * 2 ** min(self.count - 1, _DOUBLINGS)
        return self.last + min(wait, _LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class BackOffRecord(Record):
    """What the timer's runs leave alone: backoff.json.

    Attributes:
        boot_id: the boot that it is valid for.
        config: digest of the configuration that it is valid for.
        converged: a run of this boot has converged.
        down: stages that failed at their last attempt.
    """

    boot_id: str
    config: str
    converged: bool
    down: tuple[str, ...]
    stages: Mapping[str, Streak]


STATUS: Final = RecordFile(STATUS_FILE, RunStatus)
DURATIONS: Final = RecordFile(DURATIONS_FILE, Durations)
SELF_REPAIRS: Final = RecordFile(SELF_REPAIRS_FILE, SelfRepairs)
BACKOFF: Final = RecordFile(BACKOFF_FILE, BackOffRecord)
