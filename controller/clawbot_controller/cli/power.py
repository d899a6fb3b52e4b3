"""Commands that change the instance and keep everything else: start, stop and reimage."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from clawbot_controller.cli.bots import each_bot
from clawbot_controller.cli.common import done, files, reported
from clawbot_controller.operations import power
from clawbot_controller.operations.context import BotContext


@click.command()
@files
def start(files: tuple[Path, ...]) -> None:
    """Start stopped instances, or create them if there are none."""
    _run(files, power.start)


@click.command()
@files
@click.option(
    "--to-zero",
    is_flag=True,
    help="Delete the instance: also saves its disk ($2.40 a month) and address ($3.65 a month), "
    "but loses the address, and the next start takes as long as the first. Bot data is kept.",
)
def stop(*, files: tuple[Path, ...], to_zero: bool) -> None:
    """Stop instances: the machines are no longer billed; disks and addresses are."""
    _run(files, power.stop_to_zero if to_zero else power.stop)


@click.command()
@files
@click.option(
    "--now",
    is_flag=True,
    help="Skip the orderly shutdown of running instances, which takes up to 10 min; new instances "
    "then wait up to 2 min for the lease.",
)
def reimage(*, files: tuple[Path, ...], now: bool) -> None:
    """Give instances a new OS disk from the current model. Bot data is kept."""
    _run(files, partial(power.reimage, now=now))


def _run(files: tuple[Path, ...], work: Callable[[BotContext], None]) -> None:
    outcomes = each_bot(files, work)
    reported(outcomes)
    done(outcomes)
