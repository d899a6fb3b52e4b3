"""`clawbot-controller up`: make bots, or bring them to what their files say."""

from collections import Counter
from pathlib import Path

import click

from clawbot_controller.cli.bots import each_bot
from clawbot_controller.cli.common import done, files, reported
from clawbot_controller.deployment.names import Place
from clawbot_controller.operations.fleet import OncePerKey
from clawbot_controller.operations.steps import Action, Step
from clawbot_controller.operations.up import up as make


@click.command()
@files
def up(files: tuple[Path, ...]) -> None:
    """Create what is missing, change what is different, start what is stopped.

    It may be cut off and run again at any time: it goes on where it was, and makes nothing twice.
    """
    shared = OncePerKey[Place, tuple[Step, ...]]()
    outcomes = each_bot(files, lambda site: make(site, shared))
    for name, steps in reported(outcomes).items():
        counts = Counter(step.action for step in steps)
        made = counts[Action.CREATE] + counts[Action.RECOVER]
        click.echo(
            f"{name}: up: {made} created, {counts[Action.CHANGE]} changed, "
            f"{counts[Action.KEEP]} kept"
        )
    done(outcomes)
