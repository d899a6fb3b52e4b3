"""The gateway as it is reached from the instance: names, address, whether it is ready."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from clawbot_agent.core.constants import GATEWAY_PORT
from clawbot_agent.host import Host

__all__ = [
    "CANDIDATE",
    "PREVIOUS",
    "READY_URL",
    "REFUSED",
    "STOP_SECONDS",
    "answers",
    "is_starting",
    "ready_problem",
    "running_problem",
    "time_of",
]

CANDIDATE: Final = "openclaw-gateway-candidate"
PREVIOUS: Final = "openclaw-gateway-previous"
READY_URL: Final = f"http://127.0.0.1:{GATEWAY_PORT}/readyz"
# sysexits(3), EX_CONFIG: OpenClaw refuses its configuration or its state
REFUSED: Final = 78
# OpenClaw drains its sessions for up to 325 s; docker's default of 10 s would cut them off
STOP_SECONDS: Final = 330

# a busy machine keeps it from answering for that long
_PATIENCE_SECONDS: Final = 30.0
_BETWEEN_LOOKS_SECONDS: Final = 2.0
_ASKED: Final = 3
_BETWEEN_ASKING_SECONDS: Final = 6.0

# The request reaches the gateway from the bridge, which it trusts as its proxy; from there a
# request without the header (or with a loopback address in it) gets 403. Any other address
# does; this one is reserved for documentation and no client's.
_HEADERS: Final = {"X-Forwarded-For": "192.0.2.1"}


def ready_problem(host: Host, url: str = READY_URL, *, timeout: float = 3) -> str | None:
    """Why the gateway does not serve, in a few words; None when it does.

    It is given `timeout` seconds to answer.

    The status alone says nothing: the control UI answers 200 to every path.
    """
    answer = host.get_json(url, timeout=timeout, headers=_HEADERS)
    if answer.body.get("ready") is True:
        return None
    if answer.status == 0:
        return answer.problem or "no answer"
    return f'/readyz answers {answer.status} without "ready": true'


def answers(host: Host) -> bool:
    """Whether the gateway says anything at all; one that hangs takes connections and does not.

    It is asked three times: a busy one must not lose its sessions for a slow answer.
    """
    for number in range(_ASKED):
        if number:
            host.limit.sleep(_BETWEEN_ASKING_SECONDS)
        if host.get_json(READY_URL, timeout=3, headers=_HEADERS).status != 0:
            return True
    return False


def running_problem(
    host: Host, container: Mapping[str, Any] | None, *, timeout: float
) -> str | None:
    """Why the gateway in an inspected container does not serve; None when it does.

    Of one that was started more than `timeout` seconds ago, slow answers for a while are none.
    """
    if container is None or not container["State"].get("Running"):
        return "it does not run"
    problem = ready_problem(host)
    if is_starting(container, host.clock.now(), timeout=timeout):
        return problem
    until = host.clock.monotonic() + _PATIENCE_SECONDS
    while problem is not None and host.clock.monotonic() < until:
        host.limit.sleep(_BETWEEN_LOOKS_SECONDS)
        problem = ready_problem(host)
    return problem


def is_starting(container: Mapping[str, Any], now: datetime, *, timeout: float) -> bool:
    """Whether it runs and was started less than `timeout` seconds ago."""
    state = container["State"]
    started = time_of(state.get("StartedAt"))
    running = bool(state.get("Running"))
    return running and started is not None and (now - started).total_seconds() < timeout


def time_of(text: object) -> datetime | None:
    """A time in the engine's words; None when it says nothing usable."""
    try:
        return datetime.fromisoformat(str(text or ""))
    except ValueError:
        return None
