"""`clawbot-agent refresh-ticket`: a new Kerberos ticket for the share, run by its timer."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from clawbot_agent.cli.common import (
    Exit,
    canceled_by_signals,
    config_option,
    errors_reported,
    fail,
    load_or_exit,
    require_root,
)

# an error that persists for this long is worth a failed unit; the timer tries again
_SECONDS: Final = 300.0


@click.command("refresh-ticket")
@config_option
def refresh_ticket(*, config_file: Path) -> None:
    """Renew the ticket with which a managed identity mounts the share.

    Retries for 5 min. 'status' shows when the ticket expires and the last error.
    """
    config = load_or_exit(config_file)
    share = config.share.azure_files
    if share is None or share.auth != "managed-identity":
        fail("this bot's share needs no ticket (share.auth is not managed-identity)", Exit.USAGE)
    require_root()
    from clawbot_agent.engine.retry import retrying  # noqa: PLC0415 - after the config is good
    from clawbot_agent.features.share import ticket  # noqa: PLC0415 - same
    from clawbot_agent.host import system_host  # noqa: PLC0415 - same

    host = system_host(deadline=_SECONDS, canceled=canceled_by_signals())
    with errors_reported():
        found = retrying(
            lambda _number: ticket.refresh_ticket(host, config),
            limit=host.limit,
            on_wait=lambda wait: click.echo(f"{wait.error.code}: {wait.error.message}", err=True),
        )
    end = datetime.fromtimestamp(found.end, tz=UTC)
    click.echo(f"ticket for {share.host} until {end:%Y-%m-%d %H:%M} UTC")
