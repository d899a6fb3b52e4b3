"""What other programs leave on the instance's disk, as far as numbers are made of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from clawbot_agent.core.paths import REPAIR_FILE, SELF_REPAIRS_FILE, STATUS_FILE
from clawbot_agent.health.checks.documents import moment, read_document
from clawbot_agent.health.finding import Finding, State
from clawbot_agent.health.refresh import Watch
from clawbot_agent.host import Host
from clawbot_agent.host.files import Files
from clawbot_agent.host.limit import Clock

__all__ = ["Record", "RecordReader", "RepairVerdict", "RunRecord", "SelfRepair", "StageRecord"]

_SCHEMA: Final = 1
_EVERY_SECONDS: Final = 5.0
_LIMIT_SECONDS: Final = 5.0
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class StageRecord:
    """A stage of the last run; `seconds` is None until it is over, `code` until it failed."""

    name: str
    phase: str
    state: str
    attempts: int
    seconds: float | None
    code: str | None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The last run, of whatever boot."""

    result: str
    started: datetime | None
    finished: datetime | None
    stages: tuple[StageRecord, ...]


@dataclass(frozen=True, slots=True)
class SelfRepair:
    """How often the instance repaired one thing by itself; `failed` is part of `count`."""

    what: str
    count: int
    failed: int
    last: datetime | None


@dataclass(frozen=True, slots=True)
class RepairVerdict:
    """Whether Azure is asked for another instance, and which error kept coming back."""

    verdict: str
    code: str | None
    failures: int


@dataclass(frozen=True, slots=True)
class Record:
    """All of it at one moment; what was not written, or is not readable, is not in it."""

    run: RunRecord | None = None
    repairs: tuple[SelfRepair, ...] = ()
    verdict: RepairVerdict | None = None


class RecordReader:
    """Reads the files again and again, in a thread of its own, and keeps what they said."""

    def __init__(self, clock: Clock) -> None:
        """Nothing read yet."""
        self._clock = clock
        self._read = (Record(), clock.monotonic())

    @property
    def watch(self) -> Watch:
        """To be started beside those of the components."""
        return Watch("records", self, every=_EVERY_SECONDS, limit=_LIMIT_SECONDS)

    def present(self) -> Record:
        """The last reading; an empty one when reading no longer comes back."""
        record, when = self._read
        fresh = self._clock.monotonic() - when <= self.watch.good_for
        return record if fresh else Record()

    def __call__(self, host: Host) -> Finding:
        """Read all."""
        run = _parsed(STATUS_FILE, host.files, _run)
        repairs = _parsed(SELF_REPAIRS_FILE, host.files, _repairs)
        verdict = _parsed(REPAIR_FILE, host.files, _verdict)
        self._read = (Record(run, repairs or (), verdict), self._clock.monotonic())
        return Finding(State.OK, "read")


def _parsed(path: Path, files: Files, parse: Callable[[dict[str, Any]], _T]) -> _T | None:
    """A document of our schema; None for another one, as one agent may outlive another's files."""
    try:
        document = read_document(path, files)
        if document is None or document.get("schema") != _SCHEMA:
            return None
        return parse(document)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _run(document: dict[str, Any]) -> RunRecord:
    return RunRecord(
        result=str(document["result"]),
        started=moment(document["started"]),
        finished=moment(document["finished"]),
        stages=tuple(_stage(found) for found in document["stages"]),
    )


def _stage(found: dict[str, Any]) -> StageRecord:
    seconds, error = found["seconds"], found["error"]
    return StageRecord(
        name=str(found["name"]),
        phase=str(found["phase"]),
        state=str(found["state"]),
        attempts=int(found["attempts"]),
        seconds=None if seconds is None else float(seconds),
        code=None if error is None else str(error["code"]),
    )


def _repairs(document: dict[str, Any]) -> tuple[SelfRepair, ...]:
    return tuple(
        SelfRepair(
            what=str(what),
            count=int(found["count"]),
            failed=int(found["failed"]),
            last=moment(found["last"]),
        )
        for what, found in document["repairs"].items()
    )


def _verdict(document: dict[str, Any]) -> RepairVerdict:
    code = document["code"]
    return RepairVerdict(
        verdict=str(document["verdict"]),
        code=None if code is None else str(code),
        failures=int(document["failures"]),
    )
