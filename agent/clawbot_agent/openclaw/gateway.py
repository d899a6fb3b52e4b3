"""The gateway as it is reached from the instance: names, address, whether it is ready."""

from typing import Final

from clawbot_agent.host import Host

__all__ = [
    "CANDIDATE",
    "GATEWAY",
    "GATEWAY_UID",
    "PORT",
    "PREVIOUS",
    "READY_URL",
    "lasting_problem",
    "ready_problem",
]

GATEWAY: Final = "openclaw-gateway"
CANDIDATE: Final = "openclaw-gateway-candidate"
PREVIOUS: Final = "openclaw-gateway-previous"
PORT: Final = 18789
READY_URL: Final = f"http://127.0.0.1:{PORT}/readyz"
# the user `node` of the Node.js images
GATEWAY_UID: Final = 1000

_LOOKS: Final = 4
_BETWEEN_LOOKS_SECONDS: Final = 1.0

# The request reaches the gateway from the bridge, which it trusts as its proxy; from there a
# request without the header (or with a loopback address in it) gets 403. Any other address
# does; this one is reserved for documentation and no client's.
_HEADERS: Final = {"X-Forwarded-For": "192.0.2.1"}


def ready_problem(host: Host, url: str = READY_URL) -> str | None:
    """Why the gateway does not serve, in a few words; None when it does.

    The status alone says nothing: the control UI answers 200 to every path.
    """
    answer = host.get_json(url, timeout=3, headers=_HEADERS)
    if answer.body.get("ready") is True:
        return None
    if answer.status == 0:
        return answer.problem or "no answer"
    return f'/readyz answers {answer.status} without "ready": true'


def lasting_problem(host: Host) -> str | None:
    """As `ready_problem`, but one slow answer of a busy gateway is none."""
    problem = ready_problem(host)
    for _ in range(_LOOKS - 1):
        if problem is None:
            break
        host.limit.sleep(_BETWEEN_LOOKS_SECONDS)
        problem = ready_problem(host)
    return problem
