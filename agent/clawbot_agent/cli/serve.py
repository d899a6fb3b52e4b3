"""`clawbot-agent serve`: how the bot is, at any time, for whoever asks."""

import math

import click

from clawbot_agent.cli.common import Exit, cancelled_by_signals, fail
from clawbot_agent.core.constants import HEALTH_PORT

__all__ = ["serve"]


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=HEALTH_PORT, show_default=True)
def serve(*, port: int) -> None:
    """Serve /health on this machine's loopback; runs as clawbot-sidecar.service.

    Answers come from what was last seen, so nothing that hangs delays them.
    """
    from clawbot_agent.core.errors import ClawbotError  # noqa: PLC0415 - the help needs none of this
    from clawbot_agent.health.service import Service  # noqa: PLC0415 - same
    from clawbot_agent.health.watches import bot_watches  # noqa: PLC0415 - same
    from clawbot_agent.host import system_host  # noqa: PLC0415 - same
    from clawbot_agent.host.notify import Notifier  # noqa: PLC0415 - same

    service = Service(
        host=system_host(deadline=math.inf, cancelled=cancelled_by_signals()),
        watches=bot_watches(),
        notifier=Notifier.from_environment(),
        say=click.echo,
        port=port,
    )
    try:
        service.run()
    except ClawbotError as error:
        fail(f"{error.code}: {error.message} ({error.hint})", Exit.FAILED)
