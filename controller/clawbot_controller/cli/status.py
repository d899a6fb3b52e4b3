"""`clawbot-controller status` and `endpoint`: how bots are, and where."""

import json
from pathlib import Path

import click

from clawbot_controller.cli.bots import each_bot
from clawbot_controller.cli.common import Exit, done, files, reported
from clawbot_controller.operations.status import endpoints, status_of


@click.command()
@files
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(*, files: tuple[Path, ...], as_json: bool) -> None:
    """Show how Azure and the bots themselves see them; exit 1 unless all are healthy."""
    outcomes = each_bot(files, status_of)
    found = reported(outcomes)
    if as_json:
        click.echo(json.dumps({name: one.document() for name, one in found.items()}, indent=2))
    else:
        for name, one in found.items():
            click.echo("\n".join(f"{name}: {line}" for line in one.lines()))
    if not all(one.good for one in found.values()):
        raise click.exceptions.Exit(Exit.FAILED)
    done(outcomes)


@click.command()
@files
def endpoint(files: tuple[Path, ...]) -> None:
    """Print where bots are to be reached, and for a domain which record it needs."""
    outcomes = each_bot(files, endpoints)
    for name, addresses in reported(outcomes).items():
        click.echo("\n".join(f"{name}: {address}" for address in addresses))
    done(outcomes)
