"""`clawbot-agent status`: how the last run ended, or how far the present one is."""

import json
import sys
import time
from typing import Any, Final

import click

from clawbot_agent.cli.common import Exit, fail
from clawbot_agent.core.paths import LOCK_FILE, STATUS_FILE
from clawbot_agent.host.files import SystemFiles
from clawbot_agent.host.limit import SystemClock
from clawbot_agent.host.lock import holder_of
from clawbot_agent.report.lines import shortened
from clawbot_agent.report.progress import progress
from clawbot_agent.report.replacement_line import repair_line
from clawbot_agent.report.status_file import read_status
from clawbot_agent.report.ticket_line import ticket_line

__all__ = ["compact", "status"]

# what Azure's Run Command passes on of a script's output
_RUN_COMMAND_BYTES: Final = 4096
_PIPE_WIDTH: Final = 160
_POLL_SECONDS: Final = 1.0
_GOOD: Final = frozenset({"converged", "degraded", "running"})


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print status.json as it is.")
@click.option("--compact", "as_compact", is_flag=True, help="At most 4,096 bytes, for Run Command.")
@click.option("--wait", is_flag=True, help="Wait until no run is under way.")
@click.option("--timeout", type=float, default=1800, show_default=True, help="Seconds to --wait.")
def status(*, as_json: bool, as_compact: bool, wait: bool, timeout: float) -> None:
    """Say how the last run ended. Exit 1 when it failed, was cut off, or never was."""
    document = _waited(timeout) if wait else _read()
    if document is None:
        fail("no run yet on this machine: start one with 'clawbot-agent run'", Exit.FAILED)
    if as_json:
        click.echo(json.dumps(document, indent=2))
    elif as_compact:
        click.echo(compact(document, *_lines()), nl=False)
    else:
        _show(document)
    raise click.exceptions.Exit(Exit.OK if document["result"] in _GOOD else Exit.FAILED)


def _read() -> dict[str, Any] | None:
    document = read_status(STATUS_FILE, SystemFiles())
    # a run that was killed cannot say so; nobody holding the lock tells it
    if document is not None and document["result"] == "running" and holder_of(LOCK_FILE) is None:
        document = read_status(STATUS_FILE, SystemFiles()) or document
        if document["result"] == "running":
            document["result"] = "interrupted"
    return document


def _waited(timeout: float) -> dict[str, Any] | None:
    end = time.monotonic() + timeout
    told = ""
    while True:
        document = _read()
        running = holder_of(LOCK_FILE) is not None
        if document is not None and document["result"] != "running" and not running:
            return document
        if document is not None and (line := _far(document, running=running)) != told:
            told = line
            # stdout is for the answer that is waited for
            click.echo(line, err=True)
        if time.monotonic() >= end:
            fail(f"still not finished after {timeout:.0f} s", Exit.FAILED)
        time.sleep(_POLL_SECONDS)


def _far(document: dict[str, Any], *, running: bool) -> str:
    found = progress(document, now=SystemClock().now(), under_way=running, serving=False)
    return f"{found['percent']:3d} % {found['message']}"


def _show(document: dict[str, Any]) -> None:
    from rich.console import Console  # noqa: PLC0415 - 50 ms that --json need not pay

    from clawbot_agent.report.table import stage_table  # noqa: PLC0415 - same

    # a pipe has no width of its own; lines broken at 80 columns are hard to grep
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    console.print(stage_table(document))
    console.print(_headline(document))
    for line in _lines():
        console.print(line)


def _lines() -> list[str]:
    """What else is worth knowing beside the last run."""
    files = SystemFiles()
    found = (repair_line(files), ticket_line(files))
    return [line for line in found if line is not None]


def _headline(document: dict[str, Any]) -> str:
    ended = document["finished"] or "not finished"
    version = document["agent_version"]
    return f"{document['result']}: started {document['started']}, {ended}, agent {version}"


def compact(document: dict[str, Any], *lines: str) -> str:
    """The document as text of at most 4,096 bytes: what failed first and whole, the rest short.

    `lines` come after the first one.
    """
    head = [_headline(document), *(shortened(line, 200) for line in lines)]
    for width in (200, 100, 60, 30, 10):
        stages = (_compact(stage, width) for stage in document["stages"])
        text = "\n".join((*head, *stages)) + "\n"
        if len(text.encode()) <= _RUN_COMMAND_BYTES:
            return text
    return text.encode()[:_RUN_COMMAND_BYTES].decode(errors="ignore")


def _compact(stage: dict[str, Any], width: int) -> str:
    error = stage["error"]
    seconds = "" if stage["seconds"] is None else f" {stage['seconds']:.0f}s"
    head = f"{stage['name']} {stage['state']}{seconds}"
    if error is None:
        return f"{head} {shortened(stage['reason'], width)}"
    return f"{head} {error['code']}: {shortened(error['message'], 2 * width)} | {error['hint']}"
