"""Caddy in front of the gateway: plain HTTP on port 80, or a domain with automatic HTTPS.

A Caddyfile becomes live only after Caddy has validated it, and stays only when the server
takes it. The server tells through its admin socket which file it runs with, so a crash
between writing and reloading is seen.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from clawbot_agent.actions import Action, ChangeUnit
from clawbot_agent.caddy import server
from clawbot_agent.caddy.caddyfile import Caddyfile, caddyfile
from clawbot_agent.config.model import BotConfig
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.errors import ClawbotError
from clawbot_agent.host import Host
from clawbot_agent.host.units import UnitFailedError

__all__ = ["CaddyFacts", "CaddyStage", "ServeCaddyfile"]

_UNIT: Final = "caddy.service"
_LIVE: Final = Path("/etc/caddy/Caddyfile")
_CANDIDATE: Final = _LIVE.with_suffix(".candidate")
_PREVIOUS: Final = _LIVE.with_suffix(".previous")
_REFUSED: Final = _LIVE.with_suffix(".refused")
_SETTLE_SECONDS: Final = 5.0
_LOOK_AGAIN_SECONDS: Final = 0.1

_OVERRIDE: Final = Path("/etc/systemd/system/caddy.service.d/clawbot.conf")
# Debian's unit has no Restart=: a killed Caddy would stay down until the next run
_OVERRIDE_TEXT: Final = """\
# written by clawbot-agent
[Unit]
StartLimitIntervalSec=0

[Service]
Restart=always
RestartSec=1
"""


@dataclass(frozen=True, slots=True)
class CaddyFacts:
    """How the web server is set up.

    Attributes:
        text: the live Caddyfile; None when there is none.
        override: our addition to its unit; None when there is none.
        installed, running, enabled: of caddy.service.
        served: see `served_digest`.
    """

    text: str | None
    override: str | None
    installed: bool
    running: bool
    enabled: bool
    served: str | None


@dataclass(frozen=True, slots=True)
class OverrideUnit:
    """Have systemd restart a Caddy that ended."""

    summary: str = f"write {_OVERRIDE} (restart Caddy when it ends)"

    def apply(self, host: Host) -> None:
        """Write it and tell systemd."""
        host.files.write(_OVERRIDE, _OVERRIDE_TEXT, mode=0o644)
        host.units.reload_definitions()


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
            return f"{self.verb} {_UNIT} ({self.why})"
        return f"write {_LIVE} ({self.why}), then {self.verb} {_UNIT}"

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
        host.files.rename(_CANDIDATE, _LIVE)
        try:
            host.run(("systemctl", "reset-failed", _UNIT))
            host.units.change(self.verb, _UNIT)
            self._await_served(host)
        except (UnitFailedError, server.CaddyReloadFailedError) as error:
            # the file is right when only its port is taken: systemd goes on trying
            if taken := server.ports_taken(host, self.ports):
                raise server.PortInUseError(taken) from error
            self._undo(host)
            raise server.CaddyReloadFailedError(error.message) from error

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
        host.files.write(_LIVE, self.previous, mode=0o644)
        if self.verb != "enable":
            host.run(("systemctl", "restart", _UNIT), timeout=60)


class CaddyStage(Stage[CaddyFacts]):
    """Caddy serves the gateway."""

    name = "caddy"
    title = "Caddy web server"
    phase = Phase.NODE
    needs = ("apt",)
    budget = 180

    def probe(self, host: Host, config: BotConfig) -> CaddyFacts:
        """Read the file, the unit, and what the running server says it serves."""
        del config
        unit = host.units.get(_UNIT)
        return CaddyFacts(
            text=host.files.read_text(_LIVE),
            override=host.files.read_text(_OVERRIDE),
            installed=unit.installed,
            running=unit.running,
            enabled=unit.enabled == "enabled",
            served=server.served_digest(host) if unit.running else None,
        )

    def plan(self, facts: CaddyFacts, config: BotConfig) -> Plan:
        """Replace a file that differs; make the server run with it."""
        domain = config.caddy.domain
        wanted = caddyfile(domain=domain, email=config.caddy.email)
        ports = (80, 443) if domain else (80,)
        actions: list[Action] = []
        if facts.override != _OVERRIDE_TEXT:
            actions.append(OverrideUnit())
        verb = _verb(facts)
        if why := _difference(facts, wanted):
            actions.append(ServeCaddyfile(wanted, facts.text, verb, ports, why))
        if not facts.enabled and verb != "enable":
            actions.append(ChangeUnit("enable", _UNIT, "it would not start at boot"))
        return Plan(f"serves {domain or 'port 80'} with our Caddyfile", tuple(actions))


def _verb(facts: CaddyFacts) -> str:
    if not facts.running:
        return "enable"
    # a server that does not listen on our socket cannot be told to reload by our file
    return "restart" if facts.served is None else "reload"


def _difference(facts: CaddyFacts, wanted: Caddyfile) -> str | None:
    if facts.text is None:
        return "there is none" if facts.installed else "comes with the stage apt"
    if facts.text != wanted.text:
        return "it differs"
    if not facts.running:
        return "not running"
    return None if facts.served == wanted.digest else "it runs with other settings"
