"""`clawbot-agent analyze`: where the time of the last run went."""

import json
from datetime import datetime
from typing import Any

import click

from clawbot_agent.cli.common import Exit, fail, require_root
from clawbot_agent.core.paths import EVENTS_FILE, STATUS_FILE
from clawbot_agent.engine.timing import StageTime, Timing, timing
from clawbot_agent.host.files import SystemFiles
from clawbot_agent.host.streams import read_lines
from clawbot_agent.report.status_file import read_status

__all__ = ["analyze"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def analyze(*, as_json: bool) -> None:
    """Time per stage, what was spent waiting, and the critical path of the last run."""
    # the events are for root's eyes only
    require_root()
    document = read_status(STATUS_FILE, SystemFiles())
    if document is None:
        fail("no run yet on this machine: start one with 'clawbot-agent run'", Exit.FAILED)
    found = timing(_times(document), waits=_waits(document))
    if as_json:
        click.echo(json.dumps(found.document(), indent=2))
        return
    for line in _lines(found):
        click.echo(line)


def _times(document: dict[str, Any]) -> tuple[StageTime, ...]:
    from clawbot_agent.features.registry import all_stages  # noqa: PLC0415 - only this verb needs the graph

    needs = {stage.name: stage.needs for stage in all_stages().order}
    began = datetime.fromisoformat(document["started"])
    return tuple(
        StageTime(
            name=stage["name"],
            start=(datetime.fromisoformat(stage["started"]) - began).total_seconds(),
            seconds=stage["seconds"],
            needs=tuple(needs.get(stage["name"], ())),
        )
        for stage in document["stages"]
        if stage["started"] is not None and stage["seconds"] is not None
    )


def _waits(document: dict[str, Any]) -> dict[str, float]:
    """Seconds per stage that the events since the run's start call waiting."""
    waits: dict[str, float] = {}
    for line in read_lines(EVENTS_FILE):
        try:
            event = json.loads(line)
        except ValueError:
            # the last line of a run that lost power
            continue
        if event.get("event") == "stage.waiting" and event["time"] >= document["started"]:
            waits[event["stage"]] = waits.get(event["stage"], 0.0) + event["seconds"]
    return waits


def _lines(found: Timing) -> list[str]:
    lines = [f"{'stage':<16} {'start':>8} {'time':>8} {'waited':>8}  share"]
    for stage in sorted(found.stages, key=lambda stage: -stage.seconds):
        share = stage.seconds / found.total if found.total else 0.0
        bar = "#" * round(share * 30)
        waited = found.waits.get(stage.name, 0.0)
        lines.append(
            f"{stage.name:<16} {stage.start:>7.1f}s {stage.seconds:>7.1f}s {waited:>7.1f}s  {bar}"
        )
    path = " -> ".join(f"{stage.name} {stage.seconds:.1f}s" for stage in found.critical_path)
    lines.append(f"critical path: {path}")
    on_path = sum(stage.seconds for stage in found.critical_path)
    lines.append(f"{on_path:.1f} s of {found.total:.1f} s in all")
    return lines
