"""`clawbot-agent collect`: all that tells how the instance is, in one file without secrets."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from clawbot_agent.cli.common import Exit, cancelled_by_signals, fail, require_root
from clawbot_agent.core.paths import CONFIG_FILE

if TYPE_CHECKING:
    from clawbot_agent.config.model import BotConfig

__all__ = ["collect"]

_SECONDS: Final = 300.0
_MEGA: Final = 1e6


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Where to; by default a new file in /var/lib/clawbot/bundles, where three are kept.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    default=CONFIG_FILE,
    show_default=True,
    help="The bot's configuration.",
)
def collect(*, output: Path | None, config_file: Path) -> None:
    """Pack status, events, journal, configuration and states into a redacted tar.zst.

    Known secrets are cut out in any encoding, and what looks like one. Only root can read it.
    """
    require_root()
    config = _config(config_file)
    from clawbot_agent.bundle.bundle import collect as make  # noqa: PLC0415 - same
    from clawbot_agent.core.errors import ClawbotError  # noqa: PLC0415 - the help needs none of this
    from clawbot_agent.host import system_host  # noqa: PLC0415 - same

    paths = () if config is None else (Path(config.share.path), Path(config.state.path))
    host = system_host(deadline=_SECONDS, cancelled=cancelled_by_signals(), guarded=paths)
    try:
        path = make(host, config, None if output is None else output.absolute())
    except ClawbotError as error:
        fail(f"{error.code}: {error.message}\nnext: {error.hint}", Exit.FAILED)
    found = host.files.stat(path)
    size = 0 if found is None else found.size
    click.echo(f"{path} ({size / _MEGA:.1f} MB)")


def _config(path: Path) -> "BotConfig | None":
    """None for one that cannot be used: that may be just what the evidence is wanted for."""
    from clawbot_agent.config.load import load_config  # noqa: PLC0415 - loads pydantic
    from clawbot_agent.config.problems import ConfigError  # noqa: PLC0415 - same

    try:
        return load_config(path)
    except ConfigError as error:
        click.echo(f"without the configuration: {error.problems[0]}", err=True)
        return None
