"""Waiting until a gateway that was started serves, or is known not to."""

import re
from datetime import datetime, timedelta
from typing import Any, Final

from clawbot_agent.core.constants import GATEWAY_CONTAINER
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.features.gateway.errors import (
    GatewayConfigRefusedError,
    GatewayExitedError,
    GatewayNotReadyError,
    GatewayOomError,
    GatewayStarvedError,
    GatewayStateRefusedError,
)
from clawbot_agent.features.gateway.gateway import READY_URL, REFUSED, ready_problem, time_of
from clawbot_agent.features.gateway.unit import is_over
from clawbot_agent.host import Host

__all__ = ["await_ready", "last_lines", "refusal"]

_POLL_SECONDS: Final = 0.5
# the engine notes the start when the process runs already, and may have written its last words
_RECORDED_LATE: Final = timedelta(seconds=1)
_NOTE_SECONDS: Final = 15.0
_LINES: Final = 15
_LONGEST_LINE: Final = 240
# one step of a migration that refuses makes all that follow it say so
_REFUSAL_LINES: Final = 40
_STARVED: Final = re.compile(r"lease heartbeat did not become ready")
# how OpenClaw's last words begin, after a time, when it ends with status 1
_FAILED: Final = "Gateway failed to start: "
_ABOUT_STATE: Final = re.compile(r"migration|maintenance|database", re.IGNORECASE)


def await_ready(host: Host, name: str, *, timeout: float, url: str | None = None) -> None:
    """Wait until the gateway in `name` says that it is ready.

    Args:
        host: the machine.
        name: of the container.
        timeout: seconds.
        url: of its /readyz; that of the published port when omitted.

    Raises:
        ClawbotError: of `gateway_errors`, with the last lines of its output.
    """
    clock, began = host.clock, host.clock.now()
    until, told = clock.monotonic() + timeout, clock.monotonic()
    while True:
        problem = ready_problem(host, url or READY_URL)
        container = host.docker.container(name)
        running = container is not None and container["State"].get("Running")
        if problem is None and running:
            return
        # while it does not run, somebody else answers
        problem = problem or "it does not run"
        if error := _ended(host, name, container):
            raise error
        if clock.monotonic() >= until:
            waited = f"{name}: not ready after {timeout:.0f} s"
            raise _not_ready(host, name, waited=waited, problem=problem, began=began)
        if clock.monotonic() - told >= _NOTE_SECONDS:
            told = clock.monotonic()
            host.note(f"{name} is starting, {until - told:.0f} s left: {problem}")
        host.limit.sleep(_POLL_SECONDS)


def last_lines(host: Host, name: str, *, lines: int = _LINES) -> str:
    """The end of what the container wrote since its last start, on one line, redacted."""
    container = host.docker.container(name)
    began = None if container is None else time_of(container["State"].get("StartedAt"))
    since = None if began is None else began - _RECORDED_LATE
    text = host.docker.logs(name, tail=lines, since=since).splitlines()
    shown = " | ".join(line.strip()[:_LONGEST_LINE] for line in text if line.strip())
    return host.redactor.scrub(shown) or "it wrote nothing"


def refusal(host: Host, name: str) -> ClawbotError:
    """The error of a gateway that ended with status 78, which has three meanings."""
    lines = last_lines(host, name, lines=_REFUSAL_LINES)
    if found := _STARVED.search(lines):
        # forty steps that were not run for it explain nothing
        words = lines[found.start() :].partition(" | ")[0]
        return GatewayStarvedError(f"{name}: ended with status {REFUSED}: {words}")
    kind = GatewayStateRefusedError if _ABOUT_STATE.search(lines) else GatewayConfigRefusedError
    return kind(f"{name}: ended with status {REFUSED}: {lines}")


def _not_ready(
    host: Host, name: str, *, waited: str, problem: str, began: datetime
) -> ClawbotError:
    """The error of one that systemd may have started again and again meanwhile."""
    text = host.docker.logs(name, tail=_REFUSAL_LINES, since=began - _RECORDED_LATE)
    failures = [line.strip()[:_LONGEST_LINE] for line in text.splitlines() if _FAILED in line]
    if not failures:
        return GatewayNotReadyError(f"{waited}: {problem}: {last_lines(host, name)}")
    words = host.redactor.scrub(failures[-1])
    kind = GatewayStarvedError if _STARVED.search(words) else GatewayNotReadyError
    return kind(f"{waited}, in which it failed {len(failures)} times: {words}")


def _ended(host: Host, name: str, container: dict[str, Any] | None) -> ClawbotError | None:
    """Why there is nothing to wait for; None while there is."""
    if container is not None and container["State"].get("Running"):
        return None
    state = {} if container is None else container["State"]
    status = int(state.get("ExitCode") or 0)
    if status == REFUSED:
        return refusal(host, name)
    # systemd tries again; of a candidate nobody does
    if name == GATEWAY_CONTAINER and not is_over(host):
        return None
    if container is None:
        return GatewayExitedError(f"{name}: the container is gone")
    lines = last_lines(host, name)
    if state.get("OOMKilled"):
        return GatewayOomError(f"{name}: killed for lack of memory: {lines}")
    why = state.get("Error") or ""
    return GatewayExitedError(f"{name}: ended with status {status} {why}: {lines}")
