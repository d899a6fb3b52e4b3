"""`clawbot-agent serve`: the health sidecar."""

import math

import click

from clawbot_agent.cli.common import canceled_by_signals, errors_reported
from clawbot_agent.core.constants import HEALTH_PORT


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=HEALTH_PORT, show_default=True)
def serve(*, port: int) -> None:
    """Serve /health on the loopback interface; run by clawbot-sidecar.service.

    Answers come from the last checks, so nothing that hangs delays them.
    """
    from clawbot_agent.health.checks import bot_watches  # noqa: PLC0415 - the help needs none of this
    from clawbot_agent.health.service import Service  # noqa: PLC0415 - same
    from clawbot_agent.host import system_host  # noqa: PLC0415 - same
    from clawbot_agent.host.systemd import Notifier  # noqa: PLC0415 - same

    service = Service(
        host=system_host(deadline=math.inf, canceled=canceled_by_signals()),
        watches=bot_watches(),
        notifier=Notifier.from_environment(),
        say=click.echo,
        port=port,
    )
    with errors_reported():
        service.run()
