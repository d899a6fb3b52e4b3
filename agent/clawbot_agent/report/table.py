"""A run as a table: live on a terminal during `run`, static for `status`."""

from collections.abc import Mapping
from typing import Final, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from clawbot_agent.core.text import error_text, shortened
from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.records.run import RunStatus, StageState, StageStatus

_STYLES: Final = {
    StageState.PENDING: "dim",
    StageState.RUNNING: "bold cyan",
    StageState.UNCHANGED: "green",
    StageState.CHANGED: "green",
    StageState.SKIPPED: "dim",
    StageState.DEGRADED: "yellow",
    StageState.FAILED: "bold red",
}
_SHOWN: Final = frozenset({Kind.STAGE_ACTION, Kind.STAGE_NOTE, Kind.STAGE_WAITING})


def stage_table(status: RunStatus, *, latest: Mapping[str, str] | None = None) -> Table:
    """Return the stages of a run; `latest` is the last text of each running stage."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("stage", "state", "time", "tries"):
        table.add_column(
            title, no_wrap=True, justify="right" if title in {"time", "tries"} else "left"
        )
    table.add_column("what", overflow="fold")
    for stage in status.stages:
        running = stage.state is StageState.RUNNING
        text = (latest or {}).get(stage.name, "") if running else ""
        table.add_row(
            stage.name,
            Text(stage.state.value, style=_STYLES[stage.state]),
            "" if stage.seconds is None else f"{stage.seconds:.1f} s",
            str(stage.attempts or ""),
            Text(_what(stage, text)),
        )
    return table


def _what(stage: StageStatus, text: str) -> str:
    if stage.error is None:
        return shortened(text or stage.reason, 110)
    return error_text(stage.error, width=600)


class LiveTable:
    """Redraws the table in place during a run. A context manager and an observer."""

    def __init__(self, console: Console) -> None:
        """Draw on `console`."""
        self._live = Live(console=console, refresh_per_second=4, transient=False)
        self._latest: dict[str, str] = {}
        self._ending = ""

    def __enter__(self) -> Self:
        """Start drawing."""
        self._live.__enter__()
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave the last table on the screen, and the result below it."""
        self._live.stop()
        self._live.console.print(self._ending)

    def __call__(self, event: Event, status: RunStatus) -> None:
        """Redraw."""
        if event.stage is not None and event.kind in _SHOWN:
            code = f"{event.data['code']}: " if "code" in event.data else ""
            self._latest[event.stage] = code + event.data.get("text", "")
        if event.kind is Kind.RUN_FINISHED:
            self._ending = f"{event.data['result']} after {event.data['seconds']:.1f} s"
        self._live.update(stage_table(status, latest=self._latest))
