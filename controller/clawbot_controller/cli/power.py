"""`clawbot-controller start`, `stop` and `reimage`: the instance, while the rest stays."""

from functools import partial
from pathlib import Path

import click

from clawbot_controller.cli.bots import each_bot
from clawbot_controller.cli.common import done, files, reported
from clawbot_controller.operations import power


@click.command()
@files
def start(files: tuple[Path, ...]) -> None:
    """Start stopped instances, and make one where there is none."""
    outcomes = each_bot(files, power.start)
    reported(outcomes)
    done(outcomes)


@click.command()
@files
@click.option(
    "--to-zero",
    is_flag=True,
    help="Take the instance away: saves disk ($2.40) and address ($3.65) as well, and loses the "
    "address; the next start takes as long as the first. The memory stays.",
)
def stop(*, files: tuple[Path, ...], to_zero: bool) -> None:
    """Stop instances: the machine is not billed any more, its disk and address still are."""
    outcomes = each_bot(files, power.to_zero if to_zero else power.stop)
    reported(outcomes)
    done(outcomes)


@click.command()
@files
@click.option(
    "--now",
    is_flag=True,
    help="Cut running instances instead of asking them to leave in order first (up to ten minutes "
    "when they do not answer); their successors wait up to two minutes for the memory.",
)
def reimage(*, files: tuple[Path, ...], now: bool) -> None:
    """Give instances a new disk from the present model; the memory stays."""
    outcomes = each_bot(files, partial(power.reimage, now=now))
    reported(outcomes)
    done(outcomes)
