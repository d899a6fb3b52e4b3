"""A sidecar for the tests: as the real one, with its dependencies where the test has them."""

import math
import sys
from dataclasses import replace
from typing import Final

from clawbot_agent.cli.common import canceled_by_signals
from clawbot_agent.features.gateway.health import GatewayCheck
from clawbot_agent.health.checks import bot_watches
from clawbot_agent.health.service import Service
from clawbot_agent.host import system_host
from clawbot_agent.host.systemd import Notifier

_EVERY: Final = 0.2


def main(gateway: str) -> None:
    """Serve on a free port, with the gateway at this address."""
    check = GatewayCheck(ready_url=f"{gateway}/readyz", live_url=f"{gateway}/healthz")
    watches = tuple(
        replace(watch, check=check, every=_EVERY) if watch.name == "gateway" else watch
        for watch in bot_watches()
        # whether this machine booted minutes ago, and waits for a first run, is no matter here
        if watch.name != "run"
    )
    Service(
        host=system_host(deadline=math.inf, canceled=canceled_by_signals()),
        watches=watches,
        notifier=Notifier.from_environment(),
        say=lambda line: print(line, flush=True),  # noqa: T201 - read by the test
        port=0,
    ).run()


if __name__ == "__main__":
    main(sys.argv[1])
