"""The gateway's systemd unit: the only way in which the agent starts and stops the gateway.

While the unit is down, the container does not run. Whatever the unit is bound to (the lease, the
mount of the state directory) can rely on that. Each function raises UnitFailedError or
DockerCallError if systemd or Docker fails.
"""

from typing import Final

from clawbot_agent.core.constants import GATEWAY_CONTAINER, GATEWAY_PORT, GATEWAY_UNIT
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.features.gateway.errors import PortTakenError
from clawbot_agent.host import Host
from clawbot_agent.host.systemd import UnitFailedError

# OpenClaw drains its sessions for up to 325 s; Docker's default of 10 s would interrupt them
STOP_SECONDS: Final = 330
# systemctl outlasts the unit's own limits, so that systemd reports what happened
_STOPPING_SECONDS: Final = 380.0
# enough to close a database that is being written to
_HUNG_STOP_SECONDS: Final = 20
_STARTING_SECONDS: Final = 200.0
_TAKEN: Final = ("port is already allocated", "address already in use")


def start(host: Host) -> None:
    """Start the container, also if systemd has not noticed yet that it ended.

    Raises:
        PortTakenError: names the process that listens on the gateway's port.
    """
    host.units.forget_failures(GATEWAY_UNIT)
    try:
        host.units.change("restart", GATEWAY_UNIT, timeout=_STARTING_SECONDS)
    except UnitFailedError as error:
        if any(text in error.message for text in _TAKEN):
            msg = f"127.0.0.1:{GATEWAY_PORT}: in use{_listener(host)}"
            raise PortTakenError(msg) from error
        raise


def stop(host: Host) -> None:
    """Stop the gateway after a drain of up to `STOP_SECONDS`."""
    host.units.change("stop", GATEWAY_UNIT, timeout=_STOPPING_SECONDS)
    # the container may have been started by hand
    host.docker.stop(GATEWAY_CONTAINER, timeout=STOP_SECONDS)


def stop_hung(host: Host) -> None:
    """Stop a gateway that does not respond: with a few seconds to end and no drain."""
    # without waiting: systemd must not restart it, and its own stop would wait for the drain
    host.units.change("stop", GATEWAY_UNIT, wait=False)
    host.docker.stop(GATEWAY_CONTAINER, timeout=_HUNG_STOP_SECONDS)
    host.units.change("stop", GATEWAY_UNIT, timeout=_STOPPING_SECONDS)


def discard(host: Host) -> None:
    """Remove the container at once: it never served, so there is nothing to drain."""
    # without waiting: systemd must not restart it
    host.units.change("stop", GATEWAY_UNIT, wait=False)
    host.docker.remove(GATEWAY_CONTAINER)
    host.units.change("stop", GATEWAY_UNIT, timeout=_STOPPING_SECONDS)


def is_over(host: Host) -> bool:
    """Return whether systemd will not (re)start the gateway by itself."""
    return host.units.get(GATEWAY_UNIT).over


def unmanaged_reason(host: Host) -> str:
    """Return why systemd does not keep a running gateway up; empty if it does."""
    unit = host.units.get(GATEWAY_UNIT)
    if unit.over:
        return f"it was started without {GATEWAY_UNIT}"
    return "systemd is stopping it" if unit.active == "deactivating" else ""


def _listener(host: Host) -> str:
    try:
        done = host.run(("ss", "-Hltnp", "sport", "=", f":{GATEWAY_PORT}"), timeout=10)
    except ClawbotError:
        return ""
    _, _, users = done.stdout.partition("users:")
    return f" by {users.strip()}" if users else ""
