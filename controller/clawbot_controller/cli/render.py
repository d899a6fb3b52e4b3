"""`clawbot-controller render`: the custom data of a bot."""

from pathlib import Path
from typing import NoReturn

import click

from clawbot_agent.config.load import load_config
from clawbot_agent.config.problems import ConfigError
from clawbot_agent.errors import ClawbotError
from clawbot_controller.agent_source import AgentSource
from clawbot_controller.custom_data import render_custom_data

_FAILED = 1
_USAGE = 2


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--agent",
    "location",
    required=True,
    metavar="SOURCE",
    help="Release archive or wheel (address, or path on the instance), or clawbot-agent==X.",
)
@click.option("--sha256", required=True, metavar="HEX", help="SHA-256 of SOURCE.")
def render(file: Path, location: str, sha256: str) -> None:
    """Print the custom data for the bot that FILE describes."""
    try:
        agent = AgentSource(location=location, sha256=sha256.lower())
        click.echo(render_custom_data(load_config(file), agent), nl=False)
    except ConfigError as error:
        _fail(str(error), _USAGE)
    except ClawbotError as error:
        _fail(f"{error.code}: {error.message}\n{error.hint}", _FAILED)


def _fail(message: str, code: int) -> NoReturn:
    click.echo(message, err=True)
    raise click.exceptions.Exit(code)
