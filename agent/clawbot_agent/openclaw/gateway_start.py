"""Starting a gateway's container and waiting until it serves."""

from typing import Any, Final

from clawbot_agent.errors import ClawbotError
from clawbot_agent.host import Host
from clawbot_agent.host.docker import DockerCallError
from clawbot_agent.openclaw.gateway import PORT, READY_URL, ready_problem
from clawbot_agent.openclaw.gateway_errors import (
    GatewayConfigRefusedError,
    GatewayExitedError,
    GatewayNotReadyError,
    GatewayOomError,
    PortTakenError,
)

__all__ = ["await_ready", "last_lines", "start"]

_POLL_SECONDS: Final = 0.5
_NOTE_SECONDS: Final = 15.0
_LINES: Final = 15
_LONGEST_LINE: Final = 240
_CONFIG_REFUSED: Final = 78
_TAKEN: Final = ("port is already allocated", "address already in use")


def start(host: Host, name: str) -> None:
    """Start the container.

    Raises:
        PortTakenError: names the program that listens on the gateway's port.
        DockerCallError: the engine refused for another reason.
    """
    try:
        host.docker.start(name)
    except DockerCallError as error:
        if any(words in error.message for words in _TAKEN):
            msg = f"127.0.0.1:{PORT} is taken{_listener(host)}"
            raise PortTakenError(msg) from error
        raise


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
    clock = host.clock
    until, told = clock.monotonic() + timeout, clock.monotonic()
    while True:
        problem = ready_problem(host, url or READY_URL)
        if problem is None:
            return
        container = host.docker.container(name)
        if error := _ended(host, name, container):
            raise error
        if clock.monotonic() >= until:
            msg = f"{name}: not ready after {timeout:.0f} s: {problem}: {last_lines(host, name)}"
            raise GatewayNotReadyError(msg)
        if clock.monotonic() - told >= _NOTE_SECONDS:
            told = clock.monotonic()
            host.note(f"{name} is starting, {until - told:.0f} s left: {problem}")
        host.limit.sleep(_POLL_SECONDS)


def last_lines(host: Host, name: str) -> str:
    """The end of the container's output on one line, redacted."""
    lines = host.docker.logs(name, tail=_LINES).splitlines()
    shown = " | ".join(line.strip()[:_LONGEST_LINE] for line in lines if line.strip())
    return host.redactor.scrub(shown) or "it wrote nothing"


def _ended(host: Host, name: str, container: dict[str, Any] | None) -> ClawbotError | None:
    if container is None:
        return GatewayExitedError(f"{name}: the container is gone")
    state = container["State"]
    status = int(state.get("ExitCode") or 0)
    restarting = bool(state.get("Restarting"))
    if state.get("Running") and not restarting:
        return None
    # docker goes on restarting; a refused configuration does not get better by that
    if restarting and status != _CONFIG_REFUSED:
        return None
    lines = last_lines(host, name)
    if state.get("OOMKilled"):
        return GatewayOomError(f"{name}: killed for lack of memory: {lines}")
    if status == _CONFIG_REFUSED:
        return GatewayConfigRefusedError(f"{name}: ended with status {status}: {lines}")
    why = state.get("Error") or ""
    return GatewayExitedError(f"{name}: ended with status {status} {why}: {lines}")


def _listener(host: Host) -> str:
    try:
        done = host.run(("ss", "-Hltnp", "sport", "=", f":{PORT}"), timeout=10)
    except ClawbotError:
        return ""
    _, _, users = done.stdout.partition("users:")
    return f" by {users.strip()}" if users else ""
