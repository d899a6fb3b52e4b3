"""`events.jsonl`: one line per fact that matters."""

from datetime import datetime
from typing import Any, TextIO

import structlog

from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.records.status import RunStatus

__all__ = ["EventLog", "write_event"]


class EventLog:
    """Writes each event as a line of JSON: time, level, event, stage, then its data."""

    def __init__(self, file: TextIO) -> None:
        """Append to `file`."""
        self._log = _logger(file)

    def __call__(self, event: Event, status: RunStatus) -> None:
        """Write one line."""
        fields = {"time": _text(event.time), "run": _run_id(status)}
        if event.stage is not None:
            fields["stage"] = event.stage
        tell = getattr(self._log, _level(event))
        tell(event.kind.value, **fields, **event.data)


def write_event(file: TextIO, event: str, *, time: datetime, text: str) -> None:
    """Write a line about something that happened beside the runs; a warning."""
    _logger(file).warning(event, time=_text(time), text=text)


def _logger(file: TextIO) -> Any:  # noqa: ANN401 - structlog's own loggers have no type
    return structlog.wrap_logger(
        structlog.WriteLogger(file),
        processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.BoundLogger,
    )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _run_id(status: RunStatus) -> str:
    return status.started.strftime("%Y%m%dT%H%M%S.%f")[:-3]


def _level(event: Event) -> str:
    if event.kind in {Kind.STAGE_WAITING, Kind.FAILURE_REPEATED}:
        return "warning"
    error = event.data.get("error")
    return "error" if error is not None else "info"
