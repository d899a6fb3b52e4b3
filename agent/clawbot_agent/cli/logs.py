"""`clawbot-agent logs`: what happened, in words."""

import json
import time
from datetime import datetime
from typing import Any, Final

import click

from clawbot_agent.cli.common import Exit, fail, require_root
from clawbot_agent.core.constants import GATEWAY_CONTAINER
from clawbot_agent.core.paths import EVENTS_FILE
from clawbot_agent.host.streams import read_lines
from clawbot_agent.report.lines import shortened

__all__ = ["logs"]

_FOLLOW_SECONDS: Final = 0.5
_UNITS: Final = {"caddy": "caddy.service", "docker": "docker.service"}


@click.command()
@click.argument("source", type=click.Choice(["agent", "gateway", *sorted(_UNITS)]), default="agent")
@click.option("--lines", "-n", type=int, default=200, show_default=True, help="How many, at most.")
@click.option("--stage", help="Only this stage (agent).")
@click.option("--follow", "-f", is_flag=True, help="Go on as more comes (agent).")
@click.option("--json", "as_json", is_flag=True, help="The raw lines of events.jsonl (agent).")
def logs(*, source: str, lines: int, stage: str | None, follow: bool, as_json: bool) -> None:
    """Show the log of the agent, the gateway, caddy or docker."""
    require_root()
    if source != "agent":
        click.echo(_foreign(source, lines), nl=False)
        return
    found = _chosen(read_lines(EVENTS_FILE), stage)
    if not found and not follow:
        fail(f"{EVENTS_FILE}: no events yet", Exit.FAILED)
    _print(found[-lines:] if lines > 0 else [], as_json=as_json)
    while follow:
        time.sleep(_FOLLOW_SECONDS)
        now = _chosen(read_lines(EVENTS_FILE), stage)
        _print(now[len(found) :], as_json=as_json)
        found = now


def _foreign(source: str, lines: int) -> str:
    from clawbot_agent.core.errors import ClawbotError  # noqa: PLC0415 - only for these sources
    from clawbot_agent.host import system_host  # noqa: PLC0415 - same

    host = system_host(deadline=60)
    try:
        if source == "gateway":
            return host.docker.logs(GATEWAY_CONTAINER, tail=lines)
        argv = ("journalctl", "--unit", _UNITS[source], f"--lines={lines}", "--no-pager")
        return host.run(argv).require().stdout
    except ClawbotError as error:
        fail(f"{error.code}: {error.message}\nnext: {error.hint}", Exit.FAILED)


def _chosen(lines: list[str], stage: str | None) -> list[dict[str, Any]]:
    events = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            # the last line of a run that lost power
            continue
        if stage is None or event.get("stage") == stage:
            events.append(event)
    return events


def _print(events: list[dict[str, Any]], *, as_json: bool) -> None:
    for event in events:
        click.echo(json.dumps(event) if as_json else _sentence(event))


def _sentence(event: dict[str, Any]) -> str:
    when = datetime.fromisoformat(event["time"]).strftime("%Y-%m-%d %H:%M:%S")
    error = event.get("error")
    parts = [when, event.get("stage", "-"), event["event"].rpartition(".")[2]]
    parts += [str(event[key]) for key in ("state", "result", "code") if key in event]
    if "seconds" in event:
        parts.append(f"{event['seconds']:.1f}s")
    if error:
        parts.append(f"{error['code']}: {error['message']}; next: {error['hint']}")
    else:
        parts.append(shortened(event.get("text") or event.get("reason") or "", 400))
    return " ".join(part for part in parts if part)
