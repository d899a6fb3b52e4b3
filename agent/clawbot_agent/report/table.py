"""A run as a table: live on a terminal while it runs, still for `status`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.records.status import RunStatus
from clawbot_agent.report.lines import shortened

__all__ = ["LiveTable", "stage_table"]

_STYLES: Final = {
    "pending": "dim",
    "running": "bold cyan",
    "unchanged": "green",
    "changed": "green",
    "skipped": "dim",
    "degraded": "yellow",
    "failed": "bold red",
}
_TELLING: Final = frozenset({Kind.STAGE_ACTION, Kind.STAGE_NOTE, Kind.STAGE_WAITING})


def stage_table(document: Mapping[str, Any], *, latest: Mapping[str, str] | None = None) -> Table:
    """The stages of a status document; `latest` holds what a running stage said last."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("stage", "state", "time", "tries"):
        table.add_column(
            title, no_wrap=True, justify="right" if title in {"time", "tries"} else "left"
        )
    table.add_column("what", overflow="fold")
    for stage in document["stages"]:
        said = (latest or {}).get(stage["name"], "") if stage["state"] == "running" else ""
        table.add_row(
            stage["name"],
            Text(stage["state"], style=_STYLES.get(stage["state"], "")),
            "" if stage["seconds"] is None else f"{stage['seconds']:.1f} s",
            str(stage["attempts"] or ""),
            Text("\n".join(_what(stage, said))),
        )
    return table


def _what(stage: Mapping[str, Any], said: str) -> Sequence[str]:
    error = stage["error"]
    if error is None:
        return [shortened(said or stage["reason"], 110)]
    return [f"{error['code']}: {shortened(error['message'], 600)}", f"next: {error['hint']}"]


class LiveTable:
    """Redraws the table in place while a run goes on. A context manager and an observer."""

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
        """Leave the last picture on the screen, and the result below it."""
        self._live.stop()
        self._live.console.print(self._ending)

    def __call__(self, event: Event, status: RunStatus) -> None:
        """Redraw."""
        if event.stage is not None and event.kind in _TELLING:
            code = f"{event.data['code']}: " if "code" in event.data else ""
            self._latest[event.stage] = code + event.data.get("text", "")
        if event.kind is Kind.RUN_FINISHED:
            self._ending = f"{event.data['result']} after {event.data['seconds']:.1f} s"
        self._live.update(stage_table(status.document(), latest=self._latest))
