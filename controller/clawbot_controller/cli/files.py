"""Commands that need only a file, not the Azure SDK: example, schema, check, cost and render."""

from pathlib import Path

import click

from clawbot_agent.config.load import load_config
from clawbot_agent.config.problems import ConfigError
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.text import error_text
from clawbot_controller.cli.common import Exit, fail, files, load
from clawbot_controller.cost import Prices, estimate
from clawbot_controller.custom_data import AgentSource, render_custom_data
from clawbot_controller.deployment.file import example_text, schema_text


@click.command()
def example() -> None:
    """Print a commented deployment file with every key."""
    click.echo(example_text(), nl=False)


@click.command()
def schema() -> None:
    """Print the JSON Schema of a deployment file."""
    click.echo(schema_text(), nl=False)


@click.command()
@files
def check(files: tuple[Path, ...]) -> None:
    """Check deployment files without access to Azure.

    Exit 2, with one line `path: problem` for each problem, if a file is invalid.
    """
    load(files)
    for path in files:
        click.echo(f"{path}: ok")


@click.command()
@files
def cost(files: tuple[Path, ...]) -> None:
    """Estimate the monthly cost of each bot and of all together."""
    prices = Prices()
    found = [estimate(one, prices) for one in load(files)]
    for one in found:
        click.echo(f"{one.bot}:")
        click.echo("\n".join(f"  {line}" for line in one.text()))
    if len(found) > 1:
        click.echo(f"${sum(one.total for one in found):.2f} a month for {len(found)} bots")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--agent",
    "location",
    metavar="SOURCE",
    help="Release archive or wheel (URL, or path on the instance), or clawbot-agent==VERSION, for "
    "a machine that the controller does not create; FILE is then the agent's configuration.",
)
@click.option("--sha256", metavar="HEX", help="SHA-256 of SOURCE.")
def render(file: Path, location: str | None, sha256: str | None) -> None:
    """Print the custom data of the bot in FILE."""
    if (location is None) != (sha256 is None):
        fail("--agent and --sha256 must be given together", Exit.USAGE)
    try:
        if location is None or sha256 is None:
            text = _deployed(file)
        else:
            agent = AgentSource(location=location, sha256=sha256.lower())
            text = render_custom_data(load_config(file), agent)
    except ConfigError as error:
        fail(str(error), Exit.USAGE)
    except ClawbotError as error:
        fail(error_text(error), Exit.FAILED)
    click.echo(text, nl=False)


def _deployed(file: Path) -> str:
    # with --agent, the Azure SDK need not be installed
    from clawbot_controller.cli.bots import contexts_of  # noqa: PLC0415 - see above

    return next(iter(contexts_of([file]).values())).custom_data()
