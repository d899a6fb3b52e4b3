"""Health checks of the gateway: what it answers, and the unit that runs its container."""

from collections.abc import Mapping
from typing import Final

from clawbot_agent.core.constants import GATEWAY_PORT, GATEWAY_UNIT
from clawbot_agent.engine.finding import ComponentState, Finding
from clawbot_agent.features.gateway.readiness import READY_URL, ready_problem
from clawbot_agent.host import Host

LIVE_URL: Final = f"http://127.0.0.1:{GATEWAY_PORT}/healthz"
_LIVE_SECONDS: Final = 3.0
# its one thread may be busy for seconds on a small machine, which is no outage
_READY_SECONDS: Final = 8.0
_SHOW_SECONDS: Final = 8.0
_PROPERTIES: Final = (
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "ExecMainStatus",
    "NRestarts",
)


class GatewayCheck:
    """Ready, or live and not ready, or neither."""

    def __init__(self, *, ready_url: str = READY_URL, live_url: str = LIVE_URL) -> None:
        """Query these addresses."""
        self._ready_url = ready_url
        self._live_url = live_url

    def __call__(self, host: Host) -> Finding:
        """Query readiness; only without it, liveness."""
        problem = ready_problem(host, self._ready_url, timeout=_READY_SECONDS)
        if problem is None:
            return Finding(ComponentState.OK, "ready", {"live": 1, "ready": 1})
        live = host.get_json(self._live_url, timeout=_LIVE_SECONDS).body.get("ok") is True
        reason = f"live, not ready: {problem}" if live else problem
        return Finding(ComponentState.FAILED, reason, {"live": int(live), "ready": 0})


def unit_properties(host: Host, unit: str, *properties: str) -> dict[str, str]:
    """Return properties of a unit from systemd.

    Raises:
        ClawbotError: systemctl is missing, failed (CommandFailedError) or timed out.
    """
    argv = ("systemctl", "show", unit, f"--property={','.join(properties)}")
    done = host.run(argv, timeout=_SHOW_SECONDS).require()
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


class ContainerCheck:
    """The gateway's unit: whether it runs, and how often systemd restarted it."""

    def __call__(self, host: Host) -> Finding:
        """Query systemd; not Docker, which may hang."""
        return _judged(unit_properties(host, GATEWAY_UNIT, *_PROPERTIES))


def _judged(unit: Mapping[str, str]) -> Finding:
    if unit.get("LoadState") != "loaded":
        return Finding(ComponentState.ABSENT, f"{GATEWAY_UNIT} is not installed")
    restarts = int(unit.get("NRestarts") or 0)
    figures = {"restarts": restarts}
    active, ended = unit.get("ActiveState"), _ended(unit)
    if active == "active":
        times = f", restarted {restarts} times" if restarts else ""
        return Finding(ComponentState.OK, f"{GATEWAY_UNIT} is active{times}", figures)
    if unit.get("SubState") == "auto-restart":
        why = f"{GATEWAY_UNIT} waits for a restart ({ended})"
        return Finding(ComponentState.WARNING, why, figures)
    if active in {"activating", "reloading"}:
        return Finding(ComponentState.STARTING, f"{GATEWAY_UNIT} is starting", figures)
    return Finding(ComponentState.FAILED, f"{GATEWAY_UNIT} is {active} ({ended})", figures)


def _ended(unit: Mapping[str, str]) -> str:
    status = unit.get("ExecMainStatus") or "0"
    result = unit.get("Result") or "success"
    return f"result {result}, exit status {status}"
