"""Containers are kept from the instance's identity.

Whoever may ask 169.254.169.254 gets tokens of the managed identity, and by default every container
may. The wire server's management ports (168.63.129.16, TCP 80 and 32526) tell custom data and
certificates; Azure's DNS at the same address stays open. The rules are in Docker's own chain for
this, DOCKER-USER: what any container sends to elsewhere passes it first, and Docker keeps what it
finds there (docs.docker.com, "Packet filtering and firewalls"). They last until the next boot, and
each boot has a run. They refuse rather than drop, so that nobody waits for an answer.
"""

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause
from clawbot_agent.engine.stage import Phase, Plan, Resource, Stage
from clawbot_agent.host import Host
from clawbot_agent.host.commands import CommandMissingError

if TYPE_CHECKING:
    from clawbot_agent.engine.actions import Action

__all__ = ["FirewallFacts", "FirewallStage"]

_CHAIN: Final = "DOCKER-USER"
_ENDS: Final = (f"-A {_CHAIN} -j RETURN", f"-A {_CHAIN} -j ACCEPT")
# others hold the lock of the tables for moments only
_IPTABLES: Final = ("iptables", "--wait", "10")
_REJECT: Final = ("-j", "REJECT", "--reject-with", "icmp-port-unreachable")
_WIRE_SERVER: Final = "168.63.129.16/32"
# as `iptables -S` says them
_RULES: Final[dict[str, tuple[str, ...]]] = {
    "the metadata service": ("-d", "169.254.169.254/32", *_REJECT),
    "the wire server, port 80": (
        *("-d", _WIRE_SERVER, "-p", "tcp", "-m", "tcp", "--dport", "80"),
        *_REJECT,
    ),
    "the wire server, port 32526": (
        *("-d", _WIRE_SERVER, "-p", "tcp", "-m", "tcp", "--dport", "32526"),
        *_REJECT,
    ),
}


class FirewallRefusedError(ClawbotError):
    """The kernel or iptables does not take a rule for containers."""

    code = "FIREWALL_REFUSED"
    cause = FailureCause.UNCERTAIN
    retry = BRIEF
    hint = (
        "the message ends with what iptables says; Docker makes the chain DOCKER-USER unless "
        "'iptables' is false in /etc/docker/daemon.json"
    )


@dataclass(frozen=True, slots=True)
class FirewallFacts:
    """What is refused to containers.

    Attributes:
        rules: of the chain, as iptables says them; None while there is no such chain.
    """

    rules: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Refuse:
    """Put a rule before all others of the chain."""

    what: str
    rule: tuple[str, ...]

    @property
    def summary(self) -> str:
        """To whom what is refused."""
        return f"refuse {self.what} to containers"

    def apply(self, host: Host) -> None:
        """Insert it.

        Raises:
            FirewallRefusedError: iptables did not take it.
        """
        done = host.run((*_IPTABLES, "-I", _CHAIN, *self.rule))
        if not done.ok:
            msg = f"{self.what}: {done.stderr.strip()[-400:]}"
            raise FirewallRefusedError(msg)


class FirewallStage(Stage[FirewallFacts]):
    """No container reaches the metadata service or manages the instance."""

    name = "firewall"
    title = "Firewall for containers"
    phase = Phase.BASE
    needs = ("docker",)
    # the engine writes its own chains while it starts
    locks = frozenset({Resource.DOCKER_DAEMON})
    budget = 120
    typical = 1

    def probe(self, host: Host, config: BotConfig) -> FirewallFacts:
        """List the chain."""
        del config
        try:
            done = host.run((*_IPTABLES, "-S", _CHAIN))
        except CommandMissingError:
            return FirewallFacts(None)
        return FirewallFacts(tuple(done.stdout.splitlines()) if done.ok else None)

    def plan(self, facts: FirewallFacts, config: BotConfig) -> Plan:
        """Add what is missing, or comes after a rule that lets everything through.

        Somebody's exception for one container, before ours, is theirs to make.
        """
        del config
        effective = tuple(takewhile(lambda rule: rule not in _ENDS, facts.rules or ()))
        actions: list[Action] = [
            Refuse(what, rule)
            for what, rule in _RULES.items()
            if f"-A {_CHAIN} {' '.join(rule)}" not in effective
        ]
        return Plan("metadata service and wire server are closed to containers", tuple(actions))
