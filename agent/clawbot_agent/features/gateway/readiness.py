"""Whether a gateway is ready, and why not: its /readyz, its container and its last log lines."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from clawbot_agent.core.constants import GATEWAY_CONTAINER, GATEWAY_PORT
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.features.gateway.errors import (
    GatewayConfigRefusedError,
    GatewayExitedError,
    GatewayNotReadyError,
    GatewayOomError,
    GatewayStarvedError,
    GatewayStateRefusedError,
)
from clawbot_agent.features.gateway.unit import is_over
from clawbot_agent.host import Host

READY_URL: Final = f"http://127.0.0.1:{GATEWAY_PORT}/readyz"
# sysexits(3), EX_CONFIG: OpenClaw rejects its configuration or the bot data
EXIT_REFUSED: Final = 78

# The request reaches the gateway from the Docker bridge, which is its trusted proxy. From there a
# request without the header, or with a loopback address in it, gets 403. This address is reserved
# for documentation, so that no client has it.
_HEADERS: Final = {"X-Forwarded-For": "192.0.2.1"}
# a busy machine may delay an answer for that long
_BUSY_SECONDS: Final = 30.0
_BUSY_POLL_SECONDS: Final = 2.0
_ATTEMPTS: Final = 3
_BETWEEN_ATTEMPTS_SECONDS: Final = 6.0
_POLL_SECONDS: Final = 0.5
_NOTE_SECONDS: Final = 15.0
# Docker records the start after the process runs, which may already have written its last lines
_RECORDED_LATE: Final = timedelta(seconds=1)
_LINES: Final = 15
_LONGEST_LINE: Final = 240
# a failed migration step causes a line for each step after it
_REFUSAL_LINES: Final = 40
_STARVED: Final = re.compile(r"lease heartbeat did not become ready")
# OpenClaw's last line, after a time, when it exits with status 1
_FAILED: Final = "Gateway failed to start: "
_ABOUT_STATE: Final = re.compile(r"migration|maintenance|database", re.IGNORECASE)


def ready_problem(host: Host, url: str = READY_URL, *, timeout: float = 3) -> str | None:
    """Return why the gateway is not ready, or None; it has `timeout` seconds to answer.

    The HTTP status is not enough: the control UI answers 200 to every path.
    """
    answer = host.get_json(url, timeout=timeout, headers=_HEADERS)
    if answer.body.get("ready") is True:
        return None
    if answer.status == 0:
        return answer.problem or "no answer"
    return f'/readyz answers {answer.status} without "ready": true'


def responds(host: Host) -> bool:
    """Return whether the gateway answers at all; a hung one accepts connections only.

    Three attempts: a busy gateway must not lose its sessions because of one slow answer.
    """
    for attempt in range(_ATTEMPTS):
        if attempt:
            host.limit.sleep(_BETWEEN_ATTEMPTS_SECONDS)
        if host.get_json(READY_URL, timeout=3, headers=_HEADERS).status != 0:
            return True
    return False


def running_problem(
    host: Host, container: Mapping[str, Any] | None, *, timeout: float
) -> str | None:
    """Return why the gateway in an inspected container does not serve, or None.

    One that was started more than `timeout` seconds ago may be busy for a while.
    """
    if container is None or not container["State"].get("Running"):
        return "it does not run"
    problem = ready_problem(host)
    if is_starting(container, host.clock.now(), timeout=timeout):
        return problem
    until = host.clock.monotonic() + _BUSY_SECONDS
    while problem is not None and host.clock.monotonic() < until:
        host.limit.sleep(_BUSY_POLL_SECONDS)
        problem = ready_problem(host)
    return problem


def is_starting(container: Mapping[str, Any], now: datetime, *, timeout: float) -> bool:
    """Return whether it runs and was started less than `timeout` seconds ago."""
    state = container["State"]
    started = docker_time(state.get("StartedAt"))
    running = bool(state.get("Running"))
    return running and started is not None and (now - started).total_seconds() < timeout


def docker_time(text: object) -> datetime | None:
    """Return a time as Docker writes it; None if there is none."""
    try:
        return datetime.fromisoformat(str(text or ""))
    except ValueError:
        return None


def await_ready(host: Host, name: str, *, timeout: float, url: str = READY_URL) -> None:
    """Wait for up to `timeout` seconds until the gateway in the container `name` is ready.

    Raises:
        ClawbotError: of `errors`, with the last lines of its log.
    """
    clock, began = host.clock, host.clock.now()
    until, noted = clock.monotonic() + timeout, clock.monotonic()
    while True:
        problem = ready_problem(host, url)
        container = host.docker.container(name)
        running = container is not None and container["State"].get("Running")
        if problem is None and running:
            return
        # if the container does not run, the answer came from another process
        problem = problem or "it does not run"
        if error := _exit_error(host, name, container):
            raise error
        if clock.monotonic() >= until:
            waited = f"{name}: not ready after {timeout:.0f} s"
            raise _not_ready(host, name, waited=waited, problem=problem, began=began)
        if clock.monotonic() - noted >= _NOTE_SECONDS:
            noted = clock.monotonic()
            host.note(f"{name} is starting, {until - noted:.0f} s left: {problem}")
        host.limit.sleep(_POLL_SECONDS)


def refusal(host: Host, name: str) -> ClawbotError:
    """Return the error of a gateway that exited with status 78, which has three meanings."""
    lines = _last_lines(host, name, lines=_REFUSAL_LINES)
    prefix = f"{name}: ended with status {EXIT_REFUSED}"
    if found := _STARVED.search(lines):
        # the skipped migration steps listed after it explain nothing
        return GatewayStarvedError(f"{prefix}: {lines[found.start() :].partition(' | ')[0]}")
    kind = GatewayStateRefusedError if _ABOUT_STATE.search(lines) else GatewayConfigRefusedError
    return kind(f"{prefix}: {lines}")


def _last_lines(host: Host, name: str, *, lines: int = _LINES) -> str:
    """Return the end of the log since the last start, on one line, redacted."""
    container = host.docker.container(name)
    began = None if container is None else docker_time(container["State"].get("StartedAt"))
    since = None if began is None else began - _RECORDED_LATE
    text = host.docker.logs(name, tail=lines, since=since).splitlines()
    shown = " | ".join(line.strip()[:_LONGEST_LINE] for line in text if line.strip())
    return host.redactor.scrub(shown) or "no output"


def _not_ready(
    host: Host, name: str, *, waited: str, problem: str, began: datetime
) -> ClawbotError:
    """Return the error of a gateway that systemd may have restarted several times meanwhile."""
    text = host.docker.logs(name, tail=_REFUSAL_LINES, since=began - _RECORDED_LATE)
    failures = [line.strip()[:_LONGEST_LINE] for line in text.splitlines() if _FAILED in line]
    if not failures:
        return GatewayNotReadyError(f"{waited}: {problem}: {_last_lines(host, name)}")
    last = host.redactor.scrub(failures[-1])
    kind = GatewayStarvedError if _STARVED.search(last) else GatewayNotReadyError
    return kind(f"{waited}, startup failed {len(failures)} times: {last}")


def _exit_error(host: Host, name: str, container: dict[str, Any] | None) -> ClawbotError | None:
    """Return why waiting makes no sense, or None."""
    state = {} if container is None else container["State"]
    if state.get("Running"):
        return None
    status = int(state.get("ExitCode") or 0)
    if status == EXIT_REFUSED:
        return refusal(host, name)
    # systemd restarts the gateway, but not a candidate
    if name == GATEWAY_CONTAINER and not is_over(host):
        return None
    if container is None:
        return GatewayExitedError(f"{name}: the container does not exist any more")
    lines = _last_lines(host, name)
    if state.get("OOMKilled"):
        return GatewayOomError(f"{name}: killed by the kernel, out of memory: {lines}")
    why = state.get("Error") or ""
    return GatewayExitedError(f"{name}: ended with status {status} {why}: {lines}")
