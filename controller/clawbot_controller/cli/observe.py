"""Commands that show a bot's state: status, endpoint and logs."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Final, get_args

import click

from clawbot_controller.cli.bots import each_bot
from clawbot_controller.cli.common import Exit, done, files, reported
from clawbot_controller.operations.observe import LogSource, endpoints, logs_of, status_of

_CONSOLE: Final = "console"


@click.command()
@files
@click.option("--json", "as_json", is_flag=True, help="Print the status as JSON.")
def status(*, files: tuple[Path, ...], as_json: bool) -> None:
    """Show what Azure and the agents report. Exit 1 unless all bots are healthy."""
    outcomes = each_bot(files, status_of)
    found = reported(outcomes)
    if as_json:
        click.echo(json.dumps({name: asdict(one) for name, one in found.items()}, indent=2))
    else:
        for name, one in found.items():
            click.echo("\n".join(f"{name}: {line}" for line in one.lines()))
    if not all(one.serves for one in found.values()):
        raise click.exceptions.Exit(Exit.FAILED)
    done(outcomes)


@click.command()
@files
def endpoint(files: tuple[Path, ...]) -> None:
    """Print the URLs of bots and, for a domain, the DNS records that it needs."""
    outcomes = each_bot(files, endpoints)
    for name, addresses in reported(outcomes).items():
        click.echo("\n".join(f"{name}: {address}" for address in addresses))
    done(outcomes)


@click.command()
@files
@click.option(
    "--of",
    "source",
    type=click.Choice([one for one in get_args(LogSource) if one != _CONSOLE]),
    default="status",
    show_default=True,
    help="Log to show: its last 4,096 bytes, by Run Command, which takes 20 s or more.",
)
@click.option(
    "--console", is_flag=True, help="Show the serial console's log, which needs no agent."
)
def logs(*, files: tuple[Path, ...], source: LogSource, console: bool) -> None:
    """Show a log of each bot's instance, without a login."""
    wanted: LogSource = "console" if console else source
    outcomes = each_bot(files, lambda bot: logs_of(bot, wanted))
    for name, text in reported(outcomes).items():
        click.echo(f"{name}:\n{text}" if len(files) > 1 else text)
    done(outcomes)
