"""`clawbot-controller cost`: the month's bill, without asking for anybody's account."""

from pathlib import Path

import click

from clawbot_controller.cli.common import files, load
from clawbot_controller.cost.estimate import estimate
from clawbot_controller.cost.prices import Prices


@click.command()
@files
def cost(files: tuple[Path, ...]) -> None:
    """Estimate what bots cost a month, each and together."""
    prices = Prices()
    found = [estimate(one, prices) for one in load(files)]
    for one in found:
        click.echo(f"{one.bot}:")
        click.echo("\n".join(f"  {line}" for line in one.text()))
    if len(found) > 1:
        click.echo(f"${sum(one.total for one in found):.2f} a month for {len(found)} bots")
