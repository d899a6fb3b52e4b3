"""`clawbot-controller render`: the custom data of a bot."""

from pathlib import Path

import click

from clawbot_agent.config.load import load_config
from clawbot_agent.config.problems import ConfigError
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.text import error_text
from clawbot_controller.cli.common import Exit, fail
from clawbot_controller.custom_data.agent_source import AgentSource
from clawbot_controller.custom_data.render import render_custom_data


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--agent",
    "location",
    metavar="SOURCE",
    help="Release archive or wheel (address, or path on the instance), or clawbot-agent==X; then "
    "FILE is the agent's configuration, for a machine that this controller does not make.",
)
@click.option("--sha256", metavar="HEX", help="SHA-256 of SOURCE.")
def render(file: Path, location: str | None, sha256: str | None) -> None:
    """Print the custom data for the bot that FILE describes."""
    if (location is None) != (sha256 is None):
        fail("--agent and --sha256 belong together", Exit.USAGE)
    try:
        if location is None or sha256 is None:
            click.echo(_deployed(file), nl=False)
        else:
            agent = AgentSource(location=location, sha256=sha256.lower())
            click.echo(render_custom_data(load_config(file), agent), nl=False)
    except ConfigError as error:
        fail(str(error), Exit.USAGE)
    except ClawbotError as error:
        fail(error_text(error), Exit.FAILED)


def _deployed(file: Path) -> str:
    # the SDK of Azure is not needed for the other way, and need not be installed for it
    from clawbot_controller.cli.bots import sites_of  # noqa: PLC0415 - see above
    from clawbot_controller.operations.deployed import deployed_custom_data  # noqa: PLC0415 - see above

    return deployed_custom_data(next(iter(sites_of([file]).values())))
