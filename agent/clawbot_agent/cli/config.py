"""`clawbot-agent config`: check, show and document the configuration.

Loads pydantic only inside the commands, so that the other verbs start fast.
"""

from pathlib import Path

import click

from clawbot_agent.cli.common import load_or_exit
from clawbot_agent.core.paths import CONFIG_FILE


@click.group("config")
def config_group() -> None:
    """Check, show and document the bot's configuration."""


@config_group.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check FILE; exit 2 and print one `path: problem` line for each problem."""
    load_or_exit(file)
    click.echo(f"{file}: ok")


@config_group.command()
@click.argument("file", type=click.Path(path_type=Path), default=CONFIG_FILE)
def show(file: Path) -> None:
    """Print FILE with every default filled in."""
    from clawbot_agent.config.documents import effective_text  # noqa: PLC0415  # loads pydantic

    click.echo(effective_text(load_or_exit(file)), nl=False)


@config_group.command()
def schema() -> None:
    """Print the JSON Schema of the configuration."""
    from clawbot_agent.config.documents import schema_text  # noqa: PLC0415  # loads pydantic

    click.echo(schema_text(), nl=False)


@config_group.command()
def example() -> None:
    """Print a commented configuration with every key."""
    from clawbot_agent.config.documents import example_text  # noqa: PLC0415  # loads pydantic

    click.echo(example_text(), nl=False)
