"""Observers of a run that write records: status, durations, self-repairs and events."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TextIO

import structlog

from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.host.files import Files, FileWriteError
from clawbot_agent.records.event import EventLine
from clawbot_agent.records.run import (
    DURATIONS,
    SELF_REPAIRS,
    STATUS,
    Durations,
    RunStatus,
    SelfRepair,
    SelfRepairs,
    StageState,
    StageStatus,
)

# a stage that does only part of its work this time says little about all of it
_FADING: Final = 0.8
_RESULTS: Final = {Kind.REPAIR_DONE: "repaired", Kind.REPAIR_FAILED: "failed"}
_WARNINGS: Final = frozenset({Kind.STAGE_WAITING, Kind.FAILURE_REPEATED})


@dataclass(frozen=True, slots=True)
class StatusRecorder:
    """Writes status.json with each event."""

    files: Files

    def __call__(self, event: Event, status: RunStatus) -> None:
        """Replace the file; on a full disk the previous one stays, and the run goes on."""
        del event
        with suppress(FileWriteError):
            STATUS.save(self.files, status)


@dataclass(frozen=True, slots=True)
class DurationRecorder:
    """Writes durations.json at the end of a run."""

    files: Files

    def __call__(self, event: Event, status: RunStatus) -> None:
        """Merge the durations of stages that did all their work in one attempt."""
        if event.kind is not Kind.RUN_FINISHED:
            return
        found = {stage.name: _seconds(stage) for stage in status.stages if _counts(stage)}
        if not found:
            return
        before = DURATIONS.load(self.files)
        known = {} if before is None else before.seconds
        # without it only a percentage is less exact
        with suppress(FileWriteError):
            DURATIONS.save(self.files, Durations({**known, **found}))


def _counts(stage: StageStatus) -> bool:
    return stage.state is StageState.CHANGED and stage.attempts == 1 and stage.seconds is not None


def _seconds(stage: StageStatus) -> float:
    return round(max(stage.seconds or 0.0, _FADING * stage.expected), 1)


@dataclass(frozen=True, slots=True)
class SelfRepairRecorder:
    """Counts repairs in self-repairs.json, by the part of the bot that was repaired."""

    files: Files

    def __call__(self, event: Event, status: RunStatus) -> None:
        """Count the event if it is a repair."""
        del status
        result = _RESULTS.get(event.kind)
        if result is None:
            return
        found = SELF_REPAIRS.load(self.files)
        known = {} if found is None else found.repairs
        what = event.data["what"]
        before = known.get(what)
        counted = SelfRepair(
            count=(0 if before is None else before.count) + 1,
            failed=(0 if before is None else before.failed) + (result == "failed"),
            last=event.time,
            last_result=result,
        )
        # on a full disk the repair matters more than its count
        with suppress(FileWriteError):
            SELF_REPAIRS.save(self.files, SelfRepairs({**known, what: counted}))


class EventLog:
    """Appends each event to events.jsonl."""

    def __init__(self, file: TextIO) -> None:
        """Append to `file`."""
        self._file = file

    def __call__(self, event: Event, status: RunStatus) -> None:
        """Write one line."""
        level = "info" if event.data.get("error") is None else "error"
        line = EventLine(
            time=event.time,
            event=event.kind.value,
            run=status.started.strftime("%Y%m%dT%H%M%S.%f")[:-3],
            stage=event.stage,
            **event.data,
        )
        _write(self._file, line, level="warning" if event.kind in _WARNINGS else level)


def write_event(file: TextIO, event: str, *, time: datetime, text: str) -> None:
    """Write a line about something that happened outside runs; a warning."""
    _write(file, EventLine(time=time, event=event, text=text), level="warning")


def _write(file: TextIO, line: EventLine, *, level: str) -> None:
    log: Any = structlog.wrap_logger(
        structlog.WriteLogger(file),
        processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.BoundLogger,
    )
    getattr(log, level)(**line.keys())
