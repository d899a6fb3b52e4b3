"""A run and its records as plain lines: for pipes, the journal and the serial console."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from clawbot_agent.core.text import error_text, shortened
from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.host.files import Files
from clawbot_agent.records.replacement import REPLACEMENT
from clawbot_agent.records.run import RunStatus
from clawbot_agent.records.ticket import TICKET

_ABOUT_INSTANCES: Final = frozenset(
    {Kind.FAILURE_REMEMBERED, Kind.FAILURE_REPEATED, Kind.FAILURES_FORGOTTEN}
)
_ALWAYS: Final = _ABOUT_INSTANCES | {Kind.RUN_STARTED, Kind.STAGE_FINISHED, Kind.RUN_FINISHED}
_DETAIL: Final = frozenset({Kind.STAGE_ACTION, Kind.STAGE_WAITING, Kind.STAGE_NOTE})


class LineReporter:
    """Turns events into lines.

    Args:
        write: takes one line without its end.
        detail: also write each action, note and wait; else one line per stage.
    """

    def __init__(self, write: Callable[[str], None], *, detail: bool) -> None:
        self._write = write
        self._kinds = _ALWAYS | _DETAIL if detail else _ALWAYS | {Kind.STAGE_WAITING}

    def __call__(self, event: Event, status: RunStatus) -> None:
        """Write the event's line, if it has one."""
        if event.kind in self._kinds:
            self._write(f"{_since(status.started, event.time)} {_text(event, status)}")


def replacement_line(files: Files) -> str | None:
    """Return the verdict on replacement in one line; None when the last run succeeded."""
    found = REPLACEMENT.load(files)
    return None if found is None else f"replacement {found.verdict}: {found.reason}"


def ticket_line(files: Files) -> str | None:
    """Return the ticket's expiry and the last error in one line; None without a ticket."""
    found = TICKET.load(files)
    if found is None:
        return None
    end = "none" if found.end is None else f"until {found.end.isoformat(timespec='seconds')}"
    line = f"ticket for the share: {end}"
    if found.error is None:
        return line
    return f"{line}; refresh at {found.tried.isoformat(timespec='seconds')}: {found.error}"


def _since(started: datetime, now: datetime) -> str:
    return f"[{(now - started).total_seconds():6.1f}s]"


def _text(event: Event, status: RunStatus) -> str:
    data = event.data
    match event.kind:
        case Kind.RUN_STARTED:
            return f"clawbot-agent {status.agent_version}: {len(data['stages'])} stages"
        case Kind.STAGE_FINISHED:
            return _finished(event, status)
        case Kind.STAGE_WAITING:
            why = f"{data['code']}: {shortened(data['text'])}"
            return f"{event.stage}: waiting {data['seconds']} s, {why}"
        case Kind.RUN_FINISHED:
            return f"{data['result']} after {data['seconds']:.1f} s"
        case kind if kind in _ABOUT_INSTANCES:
            return shortened(f"instances: {data['text']}", 400)
        case _:
            return f"{event.stage}: {shortened(data.get('text', ''))}"


def _finished(event: Event, status: RunStatus) -> str:
    stage = status.stage(event.stage or "")
    took = "" if stage.seconds is None else f" in {stage.seconds:.1f} s"
    if stage.error is not None:
        error = error_text(stage.error, between="; ", width=400)
        return f"{stage.name}: {stage.state}{took}, {error}"
    return f"{stage.name}: {stage.state}{took}, {shortened(stage.reason)}"
