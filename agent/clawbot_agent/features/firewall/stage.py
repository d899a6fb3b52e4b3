"""Firewall rules that keep containers away from the instance's identity.

Any process that reaches 169.254.169.254 gets tokens of the managed identity, and by default every
container does. The wire server's management ports (168.63.129.16, TCP 80 and 32526) serve custom
data and certificates; Azure's DNS at the same address stays open. The rules are in Docker's chain
for this, DOCKER-USER: all traffic from containers to other hosts passes it first, and Docker keeps
the rules in it (docs.docker.com, "Packet filtering and firewalls"). They last until the next boot,
and each boot has a run. They reject rather than drop, so that clients do not wait for a timeout.
"""

from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause
from clawbot_agent.engine.stage import Phase, Plan, Resource, Stage
from clawbot_agent.host import Host
from clawbot_agent.host.commands import CommandMissingError

_CHAIN: Final = "DOCKER-USER"
_ENDS: Final = (f"-A {_CHAIN} -j RETURN", f"-A {_CHAIN} -j ACCEPT")
# other processes hold the lock of the tables only briefly
_IPTABLES: Final = ("iptables", "--wait", "10")
_REJECT: Final = ("-j", "REJECT", "--reject-with", "icmp-port-unreachable")
_WIRE_SERVER: Final = ("-d", "168.63.129.16/32", "-p", "tcp", "-m", "tcp", "--dport")
# as printed by `iptables -S`
_RULES: Final[dict[str, tuple[str, ...]]] = {
    "the metadata service": ("-d", "169.254.169.254/32", *_REJECT),
    "the wire server (port 80)": (*_WIRE_SERVER, "80", *_REJECT),
    "the wire server (port 32526)": (*_WIRE_SERVER, "32526", *_REJECT),
}


class FirewallRefusedError(ClawbotError):
    """iptables refuses a rule for containers."""

    code = "FIREWALL_REFUSED"
    cause = FailureCause.UNCERTAIN
    retry = BRIEF
    hint = (
        "correct what iptables reports in the message; if the chain DOCKER-USER is missing, check "
        "that 'iptables' is not false in /etc/docker/daemon.json"
    )


@dataclass(frozen=True, slots=True)
class FirewallFacts:
    """The rules of the chain as printed by iptables; None while the chain does not exist."""

    rules: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class InsertRule:
    """Insert a rule at the head of the chain."""

    target: str
    rule: tuple[str, ...]

    @property
    def summary(self) -> str:
        """Name the target."""
        return f"block containers from {self.target}"

    def apply(self, host: Host) -> None:
        """Insert it, or raise FirewallRefusedError."""
        done = host.run((*_IPTABLES, "-I", _CHAIN, *self.rule))
        if not done.ok:
            msg = f"{self.target}: {done.stderr.strip()[-400:]}"
            raise FirewallRefusedError(msg)


class FirewallStage(Stage[FirewallFacts]):
    """No container reaches the metadata service or the wire server's management ports."""

    name = "firewall"
    title = "Firewall for containers"
    phase = Phase.BASE
    needs = ("docker",)
    # the engine writes its own chains during its start
    locks = frozenset({Resource.DOCKER_DAEMON})
    budget = 120
    typical = 1

    def probe(self, host: Host, config: BotConfig) -> FirewallFacts:
        """List the chain's rules."""
        del config
        try:
            done = host.run((*_IPTABLES, "-S", _CHAIN))
        except CommandMissingError:
            return FirewallFacts(None)
        return FirewallFacts(tuple(done.stdout.splitlines()) if done.ok else None)

    def plan(self, facts: FirewallFacts, config: BotConfig) -> Plan:
        """Insert rules that are missing or follow a rule that lets everything through.

        An operator's exception for one container before them is respected.
        """
        del config
        effective = tuple(takewhile(lambda rule: rule not in _ENDS, facts.rules or ()))
        actions = tuple(
            InsertRule(target, rule)
            for target, rule in _RULES.items()
            if f"-A {_CHAIN} {' '.join(rule)}" not in effective
        )
        return Plan("containers are blocked from metadata service and wire server", actions)
