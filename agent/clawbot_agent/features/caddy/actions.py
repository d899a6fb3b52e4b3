"""Actions on Caddy: a Caddyfile is validated, loaded and confirmed, or else undone."""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.features.caddy.caddyfile import ADMIN_SOCKET, LIVE, MARK, Caddyfile
from clawbot_agent.features.caddy.errors import (
    CaddyfileInvalidError,
    CaddyReloadFailedError,
    PortInUseError,
)
from clawbot_agent.host import Host
from clawbot_agent.host.commands import CommandMissingError, CommandTimeoutError
from clawbot_agent.host.systemd import UnitFailedError

UNIT: Final = "caddy.service"
OVERRIDE: Final = Path("/etc/systemd/system/caddy.service.d/clawbot.conf")
# Debian's unit has no Restart=: a killed Caddy would stay down until the next run
OVERRIDE_TEXT: Final = """\
# written by clawbot-agent
[Unit]
StartLimitIntervalSec=0

[Service]
Restart=always
RestartSec=1
"""
_CANDIDATE: Final = LIVE.with_suffix(".candidate")
_PREVIOUS: Final = LIVE.with_suffix(".previous")
_REFUSED: Final = LIVE.with_suffix(".refused")
_SETTLE_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.1
_ENVIRONMENT: Final = {"HOME": "/var/lib/caddy", "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": ""}
_SERVED: Final = re.compile(rf'"{MARK}":"([0-9a-f]*)"')
_USERS: Final = re.compile(r":(\d+)\s+\S+\s+users:\(\(\"([^\"]+)\",pid=(\d+)")
_SHOWN: Final = 400
# more than the grace period of the Caddyfile for busy connections
_CADDY_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class OverrideUnit:
    """Let systemd restart Caddy when it ends."""

    summary: str = f"write {OVERRIDE} (restart Caddy when it ends)"

    def apply(self, host: Host) -> None:
        """Write the drop-in and reload systemd."""
        host.files.write(OVERRIDE, OVERRIDE_TEXT, mode=0o644)
        host.units.reload_definitions()


@dataclass(frozen=True, slots=True)
class ServeCaddyfile:
    """Make a Caddyfile the live one and the server load it.

    Attributes:
        wanted: the file to serve.
        previous: the live file before; None without one.
        verb: how the server loads it: reload, restart, or enable (and start).
        ports: ports on which the server listens.
    """

    wanted: Caddyfile = field(repr=False)
    previous: str | None = field(repr=False)
    verb: str
    ports: tuple[int, ...]
    why: str

    @property
    def summary(self) -> str:
        """What happens to the file and to the server."""
        if self.previous == self.wanted.text:
            return f"{self.verb} {UNIT} ({self.why})"
        return f"write {LIVE} ({self.why}), then {self.verb} {UNIT}"

    def apply(self, host: Host) -> None:
        """Validate, replace, load.

        Raises:
            CaddyfileInvalidError: the live file is unchanged.
            PortInUseError: names the other process.
            CaddyReloadFailedError: the previous file is restored and served.
        """
        host.files.write(_CANDIDATE, self.wanted.text, mode=0o644)
        try:
            _caddy(host, "validate", _CANDIDATE, error=CaddyfileInvalidError)
        except ClawbotError:
            host.files.remove(_CANDIDATE)
            raise
        if self.previous is not None and self.previous != self.wanted.text:
            host.files.write(_PREVIOUS, self.previous, mode=0o644)
        host.files.rename(_CANDIDATE, LIVE)
        try:
            self._load(host)
            self._await_served(host)
        except (UnitFailedError, CommandTimeoutError, CaddyReloadFailedError) as error:
            # with a port in use the file is not at fault: systemd keeps trying
            if taken := _ports_in_use(host, self.ports):
                raise PortInUseError(taken) from error
            self._undo(host)
            raise CaddyReloadFailedError(error.message) from error

    def _load(self, host: Host) -> None:
        if self.verb == "reload":
            _reload(host)
            return
        # systemd gives up on a unit that failed too often in a short time
        host.run(("systemctl", "reset-failed", UNIT))
        host.units.change(self.verb, UNIT)

    def _await_served(self, host: Host) -> None:
        until = host.clock.monotonic() + _SETTLE_SECONDS
        while (served := served_digest(host)) != self.wanted.digest:
            if host.clock.monotonic() >= until:
                problem = "does not respond" if served is None else "serves another file"
                msg = f"caddy: {problem} after systemctl {self.verb}"
                raise CaddyReloadFailedError(msg)
            host.limit.sleep(_POLL_SECONDS)

    def _undo(self, host: Host) -> None:
        if self.previous is None or self.previous == self.wanted.text:
            return
        host.files.write(_REFUSED, self.wanted.text, mode=0o644)
        host.files.write(LIVE, self.previous, mode=0o644)
        with suppress(ClawbotError):
            if self.verb == "reload":
                _reload(host)
            elif self.verb == "restart":
                host.units.change("restart", UNIT)


def served_digest(host: Host) -> str | None:
    """Return the digest of the Caddyfile that the server has loaded.

    Empty if it has loaded another configuration; None if it does not respond on the admin socket.
    """
    # Caddy 2.6 answers on a unix socket only to a request without a host, which is HTTP/1.0
    argv = ("curl", "--silent", "--fail", "--http1.0", "--max-time", "3", "--header", "Host:")
    target = ("--unix-socket", str(ADMIN_SOCKET), "http://caddy/config/")
    try:
        done = host.run((*argv, *target), timeout=5)
    except CommandMissingError:
        return None
    if not done.ok:
        return None
    found = _SERVED.search(done.stdout)
    return found[1] if found else ""


def _reload(host: Host) -> None:
    """Load the live file; if Caddy rejects it, it keeps its present configuration.

    Not through systemctl: Caddy 2.6 does not notify systemd of a rejection, so that systemd waits
    for 90 s and does not know the reason.

    Raises:
        CaddyReloadFailedError: with Caddy's message.
    """
    _caddy(host, "reload", LIVE, "--force", error=CaddyReloadFailedError)


def _caddy(
    host: Host, verb: str, caddyfile: Path, *options: str, error: type[ClawbotError]
) -> None:
    # as Caddy's user: Caddy creates directories in its home, which root must not own
    user = ("setpriv", "--reuid", "caddy", "--regid", "caddy", "--clear-groups")
    argv = ("caddy", verb, "--adapter", "caddyfile", "--config", str(caddyfile), *options)
    done = host.run((*user, *argv), timeout=_CADDY_SECONDS, env=_ENVIRONMENT)
    if not done.ok:
        lines = done.stderr.splitlines() or ["no message"]
        errors = [line for line in lines if line.startswith("Error: ")]
        raise error((errors or lines)[-1].removeprefix("Error: ")[:_SHOWN])


def _ports_in_use(host: Host, ports: tuple[int, ...]) -> str | None:
    """Return which other processes listen on `ports`: "port 80: used by nginx (pid 712)"."""
    filters = " or ".join(f"sport = :{port}" for port in ports)
    done = host.run(("ss", "--no-header", "--listening", "--tcp", "-np", filters), timeout=15)
    rows = dict.fromkeys(_USERS.findall(done.stdout))
    others = [
        f"port {port}: used by {name} (pid {pid})" for port, name, pid in rows if name != "caddy"
    ]
    return "; ".join(others) or None
