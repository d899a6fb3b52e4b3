"""The stage contract.

    facts = stage.probe(host, config)    reads only; absent things are facts, not errors
    plan  = stage.plan(facts, config)    pure: what to do, or nothing and why
    for action in plan.actions: action.apply(host)
    probe and plan again                 done means: the new plan is empty

Nothing else means done; no marker file decides.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final, Generic, TypeVar

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.engine.actions import Action
from clawbot_agent.host import Host

__all__ = ["Phase", "Plan", "Resource", "Stage"]

_FactsT = TypeVar("_FactsT")
_DEFAULT_BUDGET: Final = 600.0


class Phase(StrEnum):
    """When a stage may run."""

    BASE = "base"
    """No secret, no identity: may be baked into an image."""
    NODE = "node"
    """On the instance itself."""


class Resource(StrEnum):
    """What two stages must not use at the same time."""

    DPKG = "dpkg"
    DOCKER_DAEMON = "docker-daemon"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a stage would do. Without actions, `reason` says why nothing is to do."""

    reason: str
    actions: tuple[Action, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether the machine already is as it should be."""
        return not self.actions


class Stage(ABC, Generic[_FactsT]):
    """One step from a bare machine to a bot.

    Attributes:
        name: as operators see it.
        title: what it brings about, a few words for people.
        phase: see `Phase`.
        needs: names of the stages that must be done before.
        locks: resources held while it works.
        budget: seconds for all its attempts together.
        typical: seconds that it takes on a fresh instance, to weigh a run's progress by.
        repairs_back_off: whether a repair of what breaks again backs off (see `engine.backoff`);
            not where a cause outside the instance comes and goes.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    phase: ClassVar[Phase]
    needs: ClassVar[tuple[str, ...]] = ()
    locks: ClassVar[frozenset[Resource]] = frozenset()
    budget: ClassVar[float] = _DEFAULT_BUDGET
    typical: ClassVar[float] = 5
    repairs_back_off: ClassVar[bool] = True

    @abstractmethod
    def probe(self, host: Host, config: BotConfig) -> _FactsT:
        """Read how things are. Cheap; never raises for what is merely absent."""

    @abstractmethod
    def plan(self, facts: _FactsT, config: BotConfig) -> Plan:
        """Decide, from the facts alone."""

    def skip_reason(self, config: BotConfig) -> str | None:
        """Why this bot does not have the stage at all; None when it has."""
        del config
        return None

    def required(self, config: BotConfig) -> bool:
        """Whether the bot is broken without it; else a failure leaves it degraded."""
        del config
        return True

    def repairs(self, action: Action) -> str:
        """What of the bot `action` repairs, when it is done in a boot that had converged."""
        del action
        return self.name

    def backs_off(self, error: ClawbotError) -> bool:
        """Whether the stage backs off after `error` (see `engine.backoff`).

        Not after a transient error, nor in stages that only query other services.
        """
        return not error.retryable

    def look(self, host: Host, config: BotConfig) -> Plan:
        """Probe and plan in one."""
        return self.plan(self.probe(host, config), config)
