"""`clawbot-agent logs`: the events of the agent, and the logs of other services."""

import time
from typing import Final

import click

from clawbot_agent.cli.common import Exit, errors_reported, fail, require_root
from clawbot_agent.core.constants import GATEWAY_CONTAINER
from clawbot_agent.core.paths import EVENTS_FILE
from clawbot_agent.core.text import error_text, shortened
from clawbot_agent.host.files import read_lines
from clawbot_agent.records.event import EventLine

_FOLLOW_SECONDS: Final = 0.5
_UNITS: Final = {"caddy": "caddy.service", "docker": "docker.service"}


@click.command()
@click.argument("source", type=click.Choice(["agent", "gateway", *sorted(_UNITS)]), default="agent")
@click.option("--lines", "-n", type=int, default=200, show_default=True, help="Maximum number.")
@click.option("--stage", help="Only this stage (agent).")
@click.option("--follow", "-f", is_flag=True, help="Continue with new events (agent).")
@click.option("--json", "as_json", is_flag=True, help="Print the lines of events.jsonl (agent).")
def logs(*, source: str, lines: int, stage: str | None, follow: bool, as_json: bool) -> None:
    """Show the log of the agent, the gateway, Caddy or Docker."""
    require_root()
    if source != "agent":
        click.echo(_foreign(source, lines), nl=False)
        return
    found = _chosen(stage, as_json=as_json)
    if not found and not follow:
        fail(f"{EVENTS_FILE}: no events yet", Exit.FAILED)
    for line in found[-lines:] if lines > 0 else []:
        click.echo(line)
    while follow:
        time.sleep(_FOLLOW_SECONDS)
        now = _chosen(stage, as_json=as_json)
        for line in now[len(found) :]:
            click.echo(line)
        found = now


def _foreign(source: str, lines: int) -> str:
    from clawbot_agent.host import system_host  # noqa: PLC0415 - only for these sources

    host = system_host(deadline=60)
    with errors_reported():
        if source == "gateway":
            return host.docker.logs(GATEWAY_CONTAINER, tail=lines)
        argv = ("journalctl", "--unit", _UNITS[source], f"--lines={lines}", "--no-pager")
        return host.run(argv).require().stdout


def _chosen(stage: str | None, *, as_json: bool) -> list[str]:
    """Return the lines of the events about `stage`; all when None."""
    found = ((line, EventLine.parsed(line)) for line in read_lines(EVENTS_FILE))
    return [
        line.rstrip("\n") if as_json else _sentence(event)
        for line, event in found
        if event is not None and (stage is None or event.stage == stage)
    ]


def _sentence(event: EventLine) -> str:
    words = [
        f"{event.time:%Y-%m-%d %H:%M:%S}",
        event.stage or "-",
        event.event.rpartition(".")[2],
        event.state,
        event.result,
        event.code,
        None if event.seconds is None else f"{event.seconds:.1f}s",
        shortened(event.text or event.reason or "", 400)
        if event.error is None
        else error_text(event.error, between="; "),
    ]
    return " ".join(word for word in words if word)
