"""Documents that the agent only writes: progress, plans, timing, and a bundle's manifest."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clawbot_agent.records.record import Record
from clawbot_agent.records.run import StageError


class ProgressState(StrEnum):
    """Progress towards a bot that serves."""

    PREPARING = "preparing"
    """No run since the boot yet."""
    RUNNING = "running"
    FAILED = "failed"
    """The last run failed or was interrupted; the timer starts the next one."""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class ProgressStage:
    """A stage on the progress page; `hint` is the class's own, without a name of this bot."""

    name: str
    title: str
    state: str
    seconds: float | None
    attempts: int
    code: str | None
    hint: str | None


@dataclass(frozen=True, slots=True)
class Progress(Record):
    """progress.json, which strangers can read: no name, path or address of this bot."""

    state: ProgressState
    serving: bool
    percent: int
    started: datetime | None
    seconds: float | None
    message: str
    stages: tuple[ProgressStage, ...]

    @property
    def line(self) -> str:
        """Percentage and message."""
        return f"{self.percent:3d} % {self.message}"


class PlanVerdict(StrEnum):
    """What a run would make of a stage."""

    UNCHANGED = "unchanged"
    CHANGE = "change"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StagePlan:
    """What a run would do in one stage, or the error that prevented its probe."""

    name: str
    phase: str
    verdict: PlanVerdict
    reason: str = ""
    actions: tuple[str, ...] = ()
    error: StageError | None = None


@dataclass(frozen=True, slots=True)
class PlanReport(Record):
    """`plan --json`."""

    stages: tuple[StagePlan, ...]


@dataclass(frozen=True, slots=True)
class StageTiming:
    """When a stage worked, in seconds from the run's start, and its waits between attempts."""

    name: str
    start: float
    seconds: float
    waited: float


@dataclass(frozen=True, slots=True)
class TimingReport(Record):
    """`analyze --json`.

    Attributes:
        total: seconds from the run's start to the end of its last stage.
        critical_path: the chain of needs that ended last; shortening another stage gains nothing.
        stages: in the order of their starts.
    """

    total: float
    critical_path: tuple[str, ...]
    stages: tuple[StageTiming, ...]


@dataclass(frozen=True, slots=True)
class BundledFile:
    """A file of a bundle; `bytes` is None, and `problem` says why, when it is missing."""

    name: str
    bytes: int | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Manifest(Record):
    """MANIFEST.json of a bundle."""

    made: datetime
    agent_version: str
    instance_id: str
    boot_id: str
    known_secrets: int
    files: tuple[BundledFile, ...]
