"""`clawbot-agent collect`: a support bundle, one file without secrets."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from clawbot_agent.cli.common import (
    canceled_by_signals,
    config_option,
    errors_reported,
    require_root,
)

if TYPE_CHECKING:
    from clawbot_agent.config.model import BotConfig

_SECONDS: Final = 300.0
_MEGA: Final = 1e6


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Path of the bundle; default: a new file in /var/lib/clawbot/bundles, which keeps three.",
)
@config_option
def collect(*, output: Path | None, config_file: Path) -> None:
    """Collect status, events, journals and configuration into a redacted tar.zst.

    Known secrets are removed in every encoding, and text that looks like a secret. Only root can
    read the bundle.
    """
    require_root()
    config = _config(config_file)
    from clawbot_agent.bundle.bundle import collect as make  # noqa: PLC0415 - the help needs none of this
    from clawbot_agent.host import system_host  # noqa: PLC0415 - same

    paths = () if config is None else (Path(config.share.path), Path(config.state.path))
    host = system_host(deadline=_SECONDS, canceled=canceled_by_signals(), guarded=paths)
    with errors_reported():
        path = make(host, config, None if output is None else output.absolute())
    found = host.files.stat(path)
    size = 0 if found is None else found.size
    click.echo(f"{path} ({size / _MEGA:.1f} MB)")


def _config(path: Path) -> "BotConfig | None":
    """Return None for an invalid one, which may be the reason for the bundle."""
    from clawbot_agent.config.load import load_config  # noqa: PLC0415 - loads pydantic
    from clawbot_agent.config.problems import ConfigError  # noqa: PLC0415 - same

    try:
        return load_config(path)
    except ConfigError as error:
        click.echo(f"configuration not used: {error.problems[0]}", err=True)
        return None
