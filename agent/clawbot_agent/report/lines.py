"""A run as plain lines: for pipes, the journal and the serial console."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.records.status import RunStatus

__all__ = ["LineReporter", "shortened"]

_WIDTH: Final = 160
_ABOUT_INSTANCES: Final = frozenset(
    {Kind.FAILURE_REMEMBERED, Kind.FAILURE_REPEATED, Kind.FAILURES_FORGOTTEN}
)
_ALWAYS: Final = _ABOUT_INSTANCES | {Kind.RUN_STARTED, Kind.STAGE_FINISHED, Kind.RUN_FINISHED}
_DETAIL: Final = frozenset({Kind.STAGE_ACTION, Kind.STAGE_WAITING, Kind.STAGE_NOTE})


class LineReporter:
    """Turns events into lines.

    Args:
        write: takes one line without its end.
        detail: also say each action, note and wait; else one line per stage.
    """

    def __init__(self, write: Callable[[str], None], *, detail: bool) -> None:
        """See the class."""
        self._write = write
        self._kinds = _ALWAYS | _DETAIL if detail else _ALWAYS | {Kind.STAGE_WAITING}

    def __call__(self, event: Event, status: RunStatus) -> None:
        """Write the event's line, if it has one."""
        if event.kind in self._kinds:
            self._write(f"{_since(status.started, event.time)} {_text(event, status)}")


def shortened(text: str, width: int = _WIDTH) -> str:
    """`text` on one line of at most `width` characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


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
        error = f"{stage.error.code}: {shortened(stage.error.message, 400)}"
        return f"{stage.name}: {stage.state}{took}, {error}; next: {stage.error.hint}"
    return f"{stage.name}: {stage.state}{took}, {shortened(stage.reason)}"
