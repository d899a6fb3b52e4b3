"""`clawbot-agent analyze`: where the time of the last run went."""

from collections.abc import Iterable

import click

from clawbot_agent.cli.common import Exit, fail, require_root
from clawbot_agent.core.paths import EVENTS_FILE
from clawbot_agent.engine.timing import StageTime, timing
from clawbot_agent.host.files import SystemFiles, read_lines
from clawbot_agent.records.event import EventLine
from clawbot_agent.records.output import TimingReport
from clawbot_agent.records.record import text_of
from clawbot_agent.records.run import STATUS, RunStatus


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def analyze(*, as_json: bool) -> None:
    """Show time and waits of each stage, and the critical path of the last run."""
    # only root may read the events
    require_root()
    status = STATUS.load(SystemFiles())
    if status is None:
        fail("no run yet on this instance: start one with 'clawbot-agent run'", Exit.FAILED)
    found = timing(_times(status), waits=_waits(status, read_lines(EVENTS_FILE)))
    click.echo(text_of(found) if as_json else "\n".join(_lines(found)))


def _times(status: RunStatus) -> tuple[StageTime, ...]:
    from clawbot_agent.features.registry import all_stages  # noqa: PLC0415 - only this verb needs the graph

    needs = {stage.name: stage.needs for stage in all_stages().order}
    return tuple(
        StageTime(
            name=stage.name,
            start=(stage.started - status.started).total_seconds(),
            seconds=stage.seconds,
            needs=tuple(needs.get(stage.name, ())),
        )
        for stage in status.stages
        if stage.started is not None and stage.seconds is not None
    )


def _waits(status: RunStatus, lines: Iterable[str]) -> dict[str, float]:
    """Return the seconds per stage that events since the run's start report as waits."""
    waits: dict[str, float] = {}
    for event in map(EventLine.parsed, lines):
        if event is None or event.event != "stage.waiting" or event.time < status.started:
            continue
        stage = event.stage or ""
        waits[stage] = waits.get(stage, 0.0) + (event.seconds or 0.0)
    return waits


def _lines(found: TimingReport) -> list[str]:
    lines = [f"{'stage':<16} {'start':>8} {'time':>8} {'waited':>8}  share"]
    for stage in sorted(found.stages, key=lambda stage: -stage.seconds):
        share = stage.seconds / found.total if found.total else 0.0
        bar = "#" * round(share * 30)
        figures = f"{stage.start:>7.1f}s {stage.seconds:>7.1f}s {stage.waited:>7.1f}s"
        lines.append(f"{stage.name:<16} {figures}  {bar}")
    seconds = {stage.name: stage.seconds for stage in found.stages}
    path = " -> ".join(f"{name} {seconds[name]:.1f}s" for name in found.critical_path)
    lines.append(f"critical path: {path}")
    on_path = sum(seconds[name] for name in found.critical_path)
    lines.append(f"{on_path:.1f} s of {found.total:.1f} s in total")
    return lines
