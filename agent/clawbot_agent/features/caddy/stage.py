"""Stage `caddy`: plain HTTP on port 80, or a domain with automatic HTTPS.

A Caddyfile becomes live only after Caddy has validated it, and stays only if the server loads it.
The admin socket shows which file the server has loaded, so that a crash between writing and
reloading is detected.
"""

from dataclasses import dataclass
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.engine.actions import Action, ChangeUnit
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.features.caddy.actions import (
    OVERRIDE,
    OVERRIDE_TEXT,
    UNIT,
    OverrideUnit,
    ServeCaddyfile,
    served_digest,
)
from clawbot_agent.features.caddy.caddyfile import LIVE, Caddyfile, caddyfile
from clawbot_agent.host import Host

# several, because a restart interrupts every connection
_ATTEMPTS: Final = 3
_BETWEEN_ATTEMPTS_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class CaddyFacts:
    """The web server as it is.

    Attributes:
        text: the live Caddyfile; None without one.
        override: the agent's drop-in for the unit; None without one.
        installed, running, enabled: of caddy.service.
        served: see `served_digest`.
    """

    text: str | None
    override: str | None
    installed: bool
    running: bool
    enabled: bool
    served: str | None


class CaddyStage(Stage[CaddyFacts]):
    """Caddy serves the gateway."""

    name = "caddy"
    title = "Caddy web server"
    phase = Phase.NODE
    needs = ("apt",)
    budget = 180
    typical = 5

    def probe(self, host: Host, config: BotConfig) -> CaddyFacts:
        """Read the file, the unit, and what the running server has loaded."""
        del config
        unit = host.units.get(UNIT)
        return CaddyFacts(
            text=host.files.read_text(LIVE),
            override=host.files.read_text(OVERRIDE),
            installed=unit.installed,
            running=unit.running,
            enabled=unit.enabled == "enabled",
            served=_served(host) if unit.running else None,
        )

    def plan(self, facts: CaddyFacts, config: BotConfig) -> Plan:
        """Replace a file that differs; make the server load it."""
        domain = config.caddy.domain
        wanted = caddyfile(
            domain=domain, email=config.caddy.email, progress_page=config.caddy.progress_page
        )
        ports = (80, 443) if domain else (80,)
        actions: list[Action] = []
        if facts.override != OVERRIDE_TEXT:
            actions.append(OverrideUnit())
        verb = _verb(facts)
        if why := _difference(facts, wanted):
            actions.append(ServeCaddyfile(wanted, facts.text, verb, ports, why))
        if not facts.enabled and verb != "enable":
            actions.append(ChangeUnit("enable", UNIT, "it would not start at boot"))
        return Plan(f"serves {domain or 'port 80'} with the agent's Caddyfile", tuple(actions))


def _served(host: Host) -> str | None:
    """Return `served_digest`; a busy server gets several attempts."""
    for _ in range(_ATTEMPTS - 1):
        if (found := served_digest(host)) is not None:
            return found
        host.limit.sleep(_BETWEEN_ATTEMPTS_SECONDS)
    return served_digest(host)


def _verb(facts: CaddyFacts) -> str:
    if not facts.running:
        return "enable"
    # a server that does not listen on the admin socket cannot be reloaded through it
    return "restart" if facts.served is None else "reload"


def _difference(facts: CaddyFacts, wanted: Caddyfile) -> str | None:
    if facts.text is None:
        return "missing" if facts.installed else "comes with the stage apt"
    if facts.text != wanted.text:
        return "it differs"
    if not facts.running:
        return "not running"
    if facts.served is None:
        return "it does not respond"
    return None if facts.served == wanted.digest else "it runs with other settings"
