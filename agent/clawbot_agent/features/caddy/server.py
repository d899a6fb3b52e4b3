"""The running Caddy: what it serves, whether it would take a file, who has its ports."""

import re
from pathlib import Path
from typing import Final

from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause
from clawbot_agent.features.caddy.caddyfile import ADMIN_SOCKET, MARK
from clawbot_agent.host import Host
from clawbot_agent.host.commands import CommandMissingError, Completed

__all__ = [
    "CaddyReloadFailedError",
    "CaddyfileInvalidError",
    "PortInUseError",
    "ports_taken",
    "reload",
    "served_digest",
    "validate",
]

_ENVIRONMENT: Final = {"HOME": "/var/lib/caddy", "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": ""}
_SERVED: Final = re.compile(rf'"{MARK}":"([0-9a-f]*)"')
_USERS: Final = re.compile(r":(\d+)\s+\S+\s+users:\(\(\"([^\"]+)\",pid=(\d+)")
_SHOWN: Final = 400
# more than the grace period that the Caddyfile gives to busy connections
_CADDY_SECONDS: Final = 30


class CaddyfileInvalidError(ClawbotError):
    """Caddy refuses the new Caddyfile; the live one is untouched."""

    code = "CADDYFILE_INVALID"
    cause = FailureCause.OPERATOR
    hint = "the message is Caddy's own; an unusual Caddy version may not know a directive"


class CaddyReloadFailedError(ClawbotError):
    """Caddy did not take the new Caddyfile; the old one is back."""

    code = "CADDY_RELOAD_FAILED"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = "see 'journalctl -u caddy'; /etc/caddy/Caddyfile.refused is what it did not take"


class PortInUseError(ClawbotError):
    """Another program listens where Caddy must."""

    code = "PORT_IN_USE"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = "stop and disable the program that the message names"


def served_digest(host: Host) -> str | None:
    """Digest of the Caddyfile that the server runs with.

    Empty when it runs with something else; None when it does not answer on our socket.
    """
    # Caddy 2.6 answers on a unix socket only to a request without a host, which is HTTP/1.0
    argv = ("curl", "--silent", "--fail", "--http1.0", "--max-time", "3", "--header", "Host:")
    try:
        done = host.run(
            (*argv, "--unix-socket", str(ADMIN_SOCKET), "http://caddy/config/"), timeout=5
        )
    except CommandMissingError:
        return None
    if not done.ok:
        return None
    found = _SERVED.search(done.stdout)
    return found[1] if found else ""


def validate(host: Host, candidate: Path) -> None:
    """Have Caddy read a file as it would when it starts.

    Raises:
        CaddyfileInvalidError: with Caddy's message.
    """
    done = _caddy(host, "validate", candidate)
    if not done.ok:
        raise CaddyfileInvalidError(_error(done))


def reload(host: Host, caddyfile: Path) -> None:
    """Have the running server take a file; when it refuses, it goes on with what it had.

    Not through systemctl: a Caddy 2.6 that refuses never tells systemd so, which then waits
    for 90 seconds and does not know the reason.

    Raises:
        CaddyReloadFailedError: with Caddy's message.
    """
    done = _caddy(host, "reload", caddyfile, "--force")
    if not done.ok:
        raise CaddyReloadFailedError(_error(done))


def _caddy(host: Host, verb: str, caddyfile: Path, *options: str) -> Completed:
    # as its own user: Caddy makes directories in its home, which must not be root's
    user = ("setpriv", "--reuid", "caddy", "--regid", "caddy", "--clear-groups")
    argv = ("caddy", verb, "--adapter", "caddyfile", "--config", str(caddyfile), *options)
    return host.run((*user, *argv), timeout=_CADDY_SECONDS, env=_ENVIRONMENT)


def _error(done: Completed) -> str:
    lines = done.stderr.splitlines() or ["no message"]
    told = [line for line in lines if line.startswith("Error: ")]
    return (told or lines)[-1].removeprefix("Error: ")[:_SHOWN]


def ports_taken(host: Host, ports: tuple[int, ...]) -> str | None:
    """Who else listens on one of `ports`: "port 80 is used by nginx (pid 712)"; None: nobody."""
    filters = " or ".join(f"sport = :{port}" for port in ports)
    done = host.run(("ss", "--no-header", "--listening", "--tcp", "-np", filters), timeout=15)
    rows = dict.fromkeys(_USERS.findall(done.stdout))
    others = [
        f"port {port} is used by {name} (pid {pid})" for port, name, pid in rows if name != "caddy"
    ]
    return "; ".join(others) or None
