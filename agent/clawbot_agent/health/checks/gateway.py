"""Whether OpenClaw's gateway serves, by what it says and not by a status code alone."""

from typing import Final

from clawbot_agent.core.constants import GATEWAY_PORT
from clawbot_agent.features.gateway.readiness import READY_URL, ready_problem
from clawbot_agent.health.finding import Finding, State
from clawbot_agent.host import Host

__all__ = ["LIVE_URL", "Gateway"]

LIVE_URL: Final = f"http://127.0.0.1:{GATEWAY_PORT}/healthz"
_LIVE_SECONDS: Final = 3.0
# it has one thread, which may be busy for seconds on a small machine: that is no outage
_READY_SECONDS: Final = 8.0


class Gateway:
    """Ready, or live and not ready, or neither."""

    def __init__(self, *, ready_url: str = READY_URL, live_url: str = LIVE_URL) -> None:
        """Ask at these addresses."""
        self._ready_url = ready_url
        self._live_url = live_url

    def __call__(self, host: Host) -> Finding:
        """Ask whether it is ready; only when not, whether it is alive."""
        problem = ready_problem(host, self._ready_url, timeout=_READY_SECONDS)
        if problem is None:
            return Finding(State.OK, "ready", {"live": 1, "ready": 1})
        live = host.get_json(self._live_url, timeout=_LIVE_SECONDS).body.get("ok") is True
        reason = f"alive, not ready: {problem}" if live else problem
        return Finding(State.FAILED, reason, {"live": int(live), "ready": 0})
