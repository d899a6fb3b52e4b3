"""Caddy in front of the gateway: plain HTTP on port 80, or a domain with automatic HTTPS.

A Caddyfile becomes live only after Caddy has validated it, and stays only when the server
takes it. The server tells through its admin socket which file it runs with, so a crash
between writing and reloading is seen.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.engine.actions import Action, ChangeUnit
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.features.caddy import server
from clawbot_agent.features.caddy.caddyfile import Caddyfile, caddyfile
from clawbot_agent.features.caddy.serve import LIVE, UNIT, ServeCaddyfile
from clawbot_agent.host import Host

__all__ = ["CaddyFacts", "CaddyStage"]

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

# a restart cuts every connection through it
_CHANCES: Final = 3
_BETWEEN_LOOKS_SECONDS: Final = 2.0


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


class CaddyStage(Stage[CaddyFacts]):
    """Caddy serves the gateway."""

    name = "caddy"
    title = "Caddy web server"
    phase = Phase.NODE
    needs = ("apt",)
    budget = 180
    typical = 5

    def probe(self, host: Host, config: BotConfig) -> CaddyFacts:
        """Read the file, the unit, and what the running server says it serves."""
        del config
        unit = host.units.get(UNIT)
        return CaddyFacts(
            text=host.files.read_text(LIVE),
            override=host.files.read_text(_OVERRIDE),
            installed=unit.installed,
            running=unit.running,
            enabled=unit.enabled == "enabled",
            served=_served(host) if unit.running else None,
        )

    def plan(self, facts: CaddyFacts, config: BotConfig) -> Plan:
        """Replace a file that differs; make the server run with it."""
        domain = config.caddy.domain
        wanted = caddyfile(
            domain=domain, email=config.caddy.email, progress_page=config.caddy.progress_page
        )
        ports = (80, 443) if domain else (80,)
        actions: list[Action] = []
        if facts.override != _OVERRIDE_TEXT:
            actions.append(OverrideUnit())
        verb = _verb(facts)
        if why := _difference(facts, wanted):
            actions.append(ServeCaddyfile(wanted, facts.text, verb, ports, why))
        if not facts.enabled and verb != "enable":
            actions.append(ChangeUnit("enable", UNIT, "it would not start at boot"))
        return Plan(f"serves {domain or 'port 80'} with our Caddyfile", tuple(actions))


def _served(host: Host) -> str | None:
    """As `served_digest`; a server that is only busy gets more than one chance."""
    for _ in range(_CHANCES - 1):
        if (found := server.served_digest(host)) is not None:
            return found
        host.limit.sleep(_BETWEEN_LOOKS_SECONDS)
    return server.served_digest(host)


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
    if facts.served is None:
        return "it does not answer"
    return None if facts.served == wanted.digest else "it runs with other settings"
