"""Making a Caddyfile live: validated first, taken by the server, else undone."""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.features.caddy import server
from clawbot_agent.features.caddy.caddyfile import Caddyfile
from clawbot_agent.host import Host
from clawbot_agent.host.commands import CommandTimeoutError
from clawbot_agent.host.units import UnitFailedError

__all__ = ["LIVE", "UNIT", "ServeCaddyfile"]

UNIT: Final = "caddy.service"
LIVE: Final = Path("/etc/caddy/Caddyfile")
_CANDIDATE: Final = LIVE.with_suffix(".candidate")
_PREVIOUS: Final = LIVE.with_suffix(".previous")
_REFUSED: Final = LIVE.with_suffix(".refused")
_SETTLE_SECONDS: Final = 5.0
_LOOK_AGAIN_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class ServeCaddyfile:
    """Make a Caddyfile the live one and have the server run with it.

    Attributes:
        wanted: what to serve.
        previous: the live file before; None when there was none.
        verb: what makes the server take it: reload, restart, or enable (and start).
        ports: where the server listens.
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
        """Validate, replace, take.

        Raises:
            CaddyfileInvalidError: the live file is untouched.
            PortInUseError: names the program.
            CaddyReloadFailedError: the old file is back and served again.
        """
        host.files.write(_CANDIDATE, self.wanted.text, mode=0o644)
        try:
            server.validate(host, _CANDIDATE)
        except ClawbotError:
            host.files.remove(_CANDIDATE)
            raise
        if self.previous is not None and self.previous != self.wanted.text:
            host.files.write(_PREVIOUS, self.previous, mode=0o644)
        host.files.rename(_CANDIDATE, LIVE)
        try:
            self._take(host)
            self._await_served(host)
        except (UnitFailedError, CommandTimeoutError, server.CaddyReloadFailedError) as error:
            # the file is right when only its port is taken: systemd goes on trying
            if taken := server.ports_taken(host, self.ports):
                raise server.PortInUseError(taken) from error
            self._undo(host)
            raise server.CaddyReloadFailedError(error.message) from error

    def _take(self, host: Host) -> None:
        if self.verb == "reload":
            server.reload(host, LIVE)
            return
        # systemd gives up on a unit that failed too often in a short time
        host.run(("systemctl", "reset-failed", UNIT))
        host.units.change(self.verb, UNIT)

    def _await_served(self, host: Host) -> None:
        until = host.clock.monotonic() + _SETTLE_SECONDS
        while (served := server.served_digest(host)) != self.wanted.digest:
            if host.clock.monotonic() >= until:
                told = "does not tell what it serves" if served is None else "serves another file"
                msg = f"caddy {told} after systemctl {self.verb}"
                raise server.CaddyReloadFailedError(msg)
            host.limit.sleep(_LOOK_AGAIN_SECONDS)

    def _undo(self, host: Host) -> None:
        if self.previous is None or self.previous == self.wanted.text:
            return
        host.files.write(_REFUSED, self.wanted.text, mode=0o644)
        host.files.write(LIVE, self.previous, mode=0o644)
        with suppress(ClawbotError):
            if self.verb == "reload":
                server.reload(host, LIVE)
            elif self.verb == "restart":
                host.units.change("restart", UNIT)
