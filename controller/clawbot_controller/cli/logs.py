"""`clawbot-controller logs`: what an instance says, without a login."""

from pathlib import Path
from typing import Final, get_args

import click

from clawbot_controller.cli.bots import each_bot
from clawbot_controller.cli.common import done, files, reported
from clawbot_controller.operations.logs import Source, logs_of

_CONSOLE: Final = "console"


@click.command()
@files
@click.option(
    "--of",
    "source",
    type=click.Choice([one for one in get_args(Source) if one != _CONSOLE]),
    default="status",
    show_default=True,
    help="What to show; Azure passes on the last 4,096 bytes, after 20 seconds or more.",
)
@click.option("--console", is_flag=True, help="The serial console's log, which needs no agent.")
def logs(*, files: tuple[Path, ...], source: Source, console: bool) -> None:
    """Show a log of instances by Run Command, or the serial console's."""
    wanted: Source = "console" if console else source
    outcomes = each_bot(files, lambda site: logs_of(site, wanted))
    for name, text in reported(outcomes).items():
        click.echo(f"{name}:\n{text}" if len(files) > 1 else text)
    done(outcomes)
