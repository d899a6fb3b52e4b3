"""`clawbot-agent config`: check, show and document the configuration.

Loads pydantic only inside the commands, so that the other verbs start fast.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from clawbot_agent.config.problems import ConfigError
from clawbot_agent.core.paths import CONFIG_FILE

if TYPE_CHECKING:
    from clawbot_agent.config.model import BotConfig

EXIT_CONFIG: Final = 2


@click.group("config")
def config_group() -> None:
    """Check, show and document the bot's configuration."""


@config_group.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check FILE; exit 2 with one `path: problem` line each if it cannot be used."""
    _load_or_exit(file)
    click.echo(f"{file}: ok")


@config_group.command()
@click.argument("file", type=click.Path(path_type=Path), default=CONFIG_FILE)
def show(file: Path) -> None:
    """Print FILE with every default filled in."""
    from clawbot_agent.config.example import effective_text  # noqa: PLC0415  # loads pydantic

    click.echo(effective_text(_load_or_exit(file)), nl=False)


@config_group.command()
def schema() -> None:
    """Print the JSON Schema of the configuration."""
    from clawbot_agent.config.schema import schema_text  # noqa: PLC0415  # loads pydantic

    click.echo(schema_text(), nl=False)


@config_group.command()
def example() -> None:
    """Print a commented configuration with every key."""
    from clawbot_agent.config.example import example_text  # noqa: PLC0415  # loads pydantic

    click.echo(example_text(), nl=False)


def _load_or_exit(file: Path) -> "BotConfig":
    from clawbot_agent.config.load import load_config  # noqa: PLC0415  # loads pydantic

    try:
        return load_config(file)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        sys.exit(EXIT_CONFIG)
