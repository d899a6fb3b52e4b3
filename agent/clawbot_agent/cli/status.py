"""`clawbot-agent status`: the result of the last run, or the progress of the present one."""

import sys
import time
from dataclasses import replace
from typing import Final

import click

from clawbot_agent.cli.common import Exit, fail
from clawbot_agent.core.paths import LOCK_FILE
from clawbot_agent.core.text import error_text, shortened
from clawbot_agent.host.files import SystemFiles
from clawbot_agent.host.limit import SystemClock
from clawbot_agent.host.lock import holder_of
from clawbot_agent.records.record import text_of
from clawbot_agent.records.run import STATUS, Result, RunStatus, StageStatus
from clawbot_agent.report.lines import replacement_line, ticket_line
from clawbot_agent.report.progress import progress

# the output that Azure's Run Command returns
_RUN_COMMAND_BYTES: Final = 4096
_PIPE_WIDTH: Final = 160
_POLL_SECONDS: Final = 1.0


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print status.json.")
@click.option("--compact", "as_compact", is_flag=True, help="At most 4,096 bytes, for Run Command.")
@click.option("--wait", is_flag=True, help="Wait until no run is under way.")
@click.option(
    "--timeout",
    type=float,
    default=1800,
    show_default=True,
    help="Maximum time to wait with --wait, in seconds.",
)
def status(*, as_json: bool, as_compact: bool, wait: bool, timeout: float) -> None:
    """Show the result of the last run. Exit 1 if it failed, was interrupted, or there was none."""
    found = _waited(timeout) if wait else _read()
    if found is None:
        fail("no run yet on this instance: start one with 'clawbot-agent run'", Exit.FAILED)
    if as_json:
        click.echo(text_of(found))
    elif as_compact:
        click.echo(compact(found, *_lines()), nl=False)
    else:
        _show(found)
    good = found.result.good or found.result is Result.RUNNING
    raise click.exceptions.Exit(Exit.OK if good else Exit.FAILED)


def _read() -> RunStatus | None:
    found = STATUS.load(SystemFiles())
    # a killed run cannot report it; its lock is free
    if found is not None and found.result is Result.RUNNING and holder_of(LOCK_FILE) is None:
        found = STATUS.load(SystemFiles()) or found
        if found.result is Result.RUNNING:
            found = replace(found, result=Result.INTERRUPTED)
    return found


def _waited(timeout: float) -> RunStatus | None:
    end = time.monotonic() + timeout
    shown = ""
    while True:
        found = _read()
        running = holder_of(LOCK_FILE) is not None
        if found is not None and found.result is not Result.RUNNING and not running:
            return found
        if found is not None and (line := _progress(found, running=running)) != shown:
            shown = line
            # stdout is for the result
            click.echo(line, err=True)
        if time.monotonic() >= end:
            fail(f"still not finished after {timeout:.0f} s", Exit.FAILED)
        time.sleep(_POLL_SECONDS)


def _progress(found: RunStatus, *, running: bool) -> str:
    return progress(found, now=SystemClock().now(), under_way=running, serving=False).line


def _show(found: RunStatus) -> None:
    from rich.console import Console  # noqa: PLC0415 - 50 ms that --json need not pay

    from clawbot_agent.report.table import stage_table  # noqa: PLC0415 - same

    # a pipe has no width of its own; lines broken at 80 columns are hard to grep
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    console.print(stage_table(found))
    for line in (_headline(found), *_lines()):
        console.print(line)


def _lines() -> list[str]:
    """Return what else is worth knowing beside the last run."""
    files = SystemFiles()
    found = (replacement_line(files), ticket_line(files))
    return [line for line in found if line is not None]


def _headline(found: RunStatus) -> str:
    started = found.started.isoformat(timespec="seconds")
    ended = found.finished.isoformat(timespec="seconds") if found.finished else "not finished"
    return f"{found.result}: started {started}, {ended}, agent {found.agent_version}"


def compact(found: RunStatus, *lines: str) -> str:
    """Return the run as text of at most 4,096 bytes, with errors in full before other text.

    `lines` come after the first one.
    """
    head = [_headline(found), *(shortened(line, 200) for line in lines)]
    for width in (200, 100, 60, 30, 10):
        stages = (_compact(stage, width) for stage in found.stages)
        text = "\n".join((*head, *stages)) + "\n"
        if len(text.encode()) <= _RUN_COMMAND_BYTES:
            return text
    return text.encode()[:_RUN_COMMAND_BYTES].decode(errors="ignore")


def _compact(stage: StageStatus, width: int) -> str:
    seconds = "" if stage.seconds is None else f" {stage.seconds:.0f}s"
    head = f"{stage.name} {stage.state}{seconds}"
    if stage.error is None:
        return f"{head} {shortened(stage.reason, width)}"
    return f"{head} {error_text(stage.error, between=' | ', width=2 * width)}"
