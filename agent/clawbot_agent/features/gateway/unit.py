"""The gateway's systemd unit: the only way in which the agent starts and stops the gateway.

While the unit is not up, the container does not run; so whatever the unit is bound to (the
lease, the mount of the state) can rely on that.
"""

from typing import Final

from clawbot_agent.core.constants import GATEWAY_CONTAINER, GATEWAY_PORT, GATEWAY_UNIT
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.features.gateway.errors import PortTakenError
from clawbot_agent.features.gateway.gateway import STOP_SECONDS
from clawbot_agent.host import Host
from clawbot_agent.host.units import UnitFailedError

__all__ = ["cut_off", "discard", "is_over", "start", "stop", "why_unkept"]

# systemctl outlasts the unit's own limits, so that systemd tells what happened
_STOPPING_SECONDS: Final = 380.0
# a database that is being written to is closed in less
_HUNG_STOP_SECONDS: Final = 20
_STARTING_SECONDS: Final = 200.0
_TAKEN: Final = ("port is already allocated", "address already in use")


def start(host: Host) -> None:
    """Start the container; afresh when the unit is about to notice that it ended.

    Raises:
        PortTakenError: names the program that listens on the gateway's port.
        UnitFailedError: the engine or systemd refused for another reason.
    """
    host.units.forget_failures(GATEWAY_UNIT)
    try:
        host.units.change("restart", GATEWAY_UNIT, timeout=_STARTING_SECONDS)
    except UnitFailedError as error:
        if any(words in error.message for words in _TAKEN):
            msg = f"127.0.0.1:{GATEWAY_PORT} is taken{_listener(host)}"
            raise PortTakenError(msg) from error
        raise


def stop(host: Host) -> None:
    """Let the gateway finish what it does, for up to `STOP_SECONDS`, and stop it.

    Raises:
        UnitFailedError: it did not end in time.
        DockerCallError: the engine could not stop a container that ran outside of the unit.
    """
    host.units.change("stop", GATEWAY_UNIT, timeout=_STOPPING_SECONDS)
    # somebody may have started it by hand
    host.docker.stop(GATEWAY_CONTAINER, timeout=STOP_SECONDS)


def cut_off(host: Host) -> None:
    """Stop a gateway that answers nobody: it has a few seconds to end, not a whole drain.

    Raises:
        UnitFailedError: systemd refused.
        DockerCallError: the engine refused.
    """
    # first of all systemd must stop wanting it; its own stop would wait for the drain
    host.units.change("stop", GATEWAY_UNIT, wait=False)
    host.docker.stop(GATEWAY_CONTAINER, timeout=_HUNG_STOP_SECONDS)
    host.units.change("stop", GATEWAY_UNIT, timeout=_STOPPING_SECONDS)


def discard(host: Host) -> None:
    """Remove the container at once; it never served, so it has nothing to finish.

    Raises:
        UnitFailedError: systemd refused.
        DockerCallError: the engine refused.
    """
    # first of all systemd must stop wanting it
    host.units.change("stop", GATEWAY_UNIT, wait=False)
    host.docker.remove(GATEWAY_CONTAINER)
    host.units.change("stop", GATEWAY_UNIT, timeout=_STOPPING_SECONDS)


def is_over(host: Host) -> bool:
    """Whether systemd does not start the gateway (again) by itself."""
    return host.units.get(GATEWAY_UNIT).over


def why_unkept(host: Host) -> str:
    """Why systemd does not keep a gateway that runs; empty when it does."""
    unit = host.units.get(GATEWAY_UNIT)
    if unit.over:
        return f"it was started without {GATEWAY_UNIT}"
    # which takes as long as its sessions do
    return "systemd is stopping it" if unit.active == "deactivating" else ""


def _listener(host: Host) -> str:
    try:
        done = host.run(("ss", "-Hltnp", "sport", "=", f":{GATEWAY_PORT}"), timeout=10)
    except ClawbotError:
        return ""
    _, _, users = done.stdout.partition("users:")
    return f" by {users.strip()}" if users else ""
