"""`clawbot-agent refresh-ticket`: a new Kerberos ticket for the share, as its timer asks."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from clawbot_agent.cli.common import Exit, cancelled_by_signals, fail, load_or_exit, require_root
from clawbot_agent.core.paths import CONFIG_FILE

__all__ = ["refresh_ticket"]

# the timer comes again; what is still wrong after this long is worth a failed unit
_SECONDS: Final = 300.0


@click.command("refresh-ticket")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    default=CONFIG_FILE,
    show_default=True,
    help="The bot's configuration.",
)
def refresh_ticket(*, config_file: Path) -> None:
    """Renew the ticket by which a managed identity mounts the share.

    Tries for five minutes. 'status' shows when the ticket ends and how the last try went.
    """
    config = load_or_exit(config_file)
    share = config.share.azure_files
    if share is None or share.auth != "managed-identity":
        fail("this bot's share needs no ticket (share.auth is not managed-identity)", Exit.USAGE)
    require_root()
    from clawbot_agent.core.errors import ClawbotError  # noqa: PLC0415 - same
    from clawbot_agent.engine.retry import retrying  # noqa: PLC0415 - after the config is good
    from clawbot_agent.features.share import ticket  # noqa: PLC0415 - same
    from clawbot_agent.host import system_host  # noqa: PLC0415 - same

    host = system_host(deadline=_SECONDS, cancelled=cancelled_by_signals())
    try:
        found = retrying(
            lambda _number: ticket.refresh_ticket(host, config),
            limit=host.limit,
            on_wait=lambda wait: click.echo(f"{wait.error.code}: {wait.error.message}", err=True),
        )
    except ClawbotError as error:
        fail(f"{error.code}: {error.message}\nnext: {error.hint}", Exit.FAILED)
    end = datetime.fromtimestamp(found.end, tz=UTC)
    click.echo(f"ticket for {share.host} until {end:%Y-%m-%d %H:%M} UTC")
