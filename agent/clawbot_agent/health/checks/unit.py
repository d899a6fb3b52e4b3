"""The gateway's unit: whether systemd runs its container, and how often it had to."""

from collections.abc import Mapping
from typing import Final

from clawbot_agent.core.constants import GATEWAY_UNIT
from clawbot_agent.health.finding import Finding, State
from clawbot_agent.host import Host

__all__ = ["Container", "unit_properties"]

_PROPERTIES: Final = (
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "ExecMainStatus",
    "NRestarts",
)
_SHOW_SECONDS: Final = 8.0


def unit_properties(host: Host, unit: str, *properties: str) -> dict[str, str]:
    """What systemd says about a unit.

    Raises:
        ClawbotError: systemctl is missing, failed (CommandFailedError) or did not end.
    """
    argv = ("systemctl", "show", unit, f"--property={','.join(properties)}")
    done = host.run(argv, timeout=_SHOW_SECONDS).require()
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


class Container:
    """The unit that runs the gateway's container."""

    def __call__(self, host: Host) -> Finding:
        """Ask systemd; Docker itself is not asked, it may hang."""
        return _judged(unit_properties(host, GATEWAY_UNIT, *_PROPERTIES))


def _judged(unit: Mapping[str, str]) -> Finding:
    if unit.get("LoadState") != "loaded":
        return Finding(State.ABSENT, f"{GATEWAY_UNIT} is not installed")
    restarts = int(unit.get("NRestarts") or 0)
    figures = {"restarts": restarts}
    active, ended = unit.get("ActiveState"), _ended(unit)
    if active == "active":
        times = f", restarted {restarts} times" if restarts else ""
        return Finding(State.OK, f"{GATEWAY_UNIT} is active{times}", figures)
    if active in {"activating", "reloading"}:
        why = f"{GATEWAY_UNIT} starts"
        if unit.get("SubState") == "auto-restart":
            return Finding(State.WARNING, f"{GATEWAY_UNIT} waits for a restart ({ended})", figures)
        return Finding(State.STARTING, why, figures)
    return Finding(State.FAILED, f"{GATEWAY_UNIT} is {active} ({ended})", figures)


def _ended(unit: Mapping[str, str]) -> str:
    status = unit.get("ExecMainStatus") or "0"
    result = unit.get("Result") or "success"
    return f"result {result}, its process ended with {status}"
