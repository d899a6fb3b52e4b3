"""The stage contract.

    facts = stage.probe(host, config)    reads only; absent things are facts, not errors
    plan  = stage.plan(facts, config)    pure: actions, or none and a reason
    for action in plan.actions: action.apply(host)
    probe and plan again                 a stage is done when the new plan is empty

Nothing else means done; no marker file decides. A graph orders stages by their needs.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import Any, ClassVar, Final, Generic, TypeVar

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.engine.actions import Action
from clawbot_agent.host import Host

__all__ = ["AnyStage", "Graph", "GraphError", "Phase", "Plan", "Resource", "Stage"]

_FactsT = TypeVar("_FactsT")
_DEFAULT_BUDGET: Final = 600.0


class Phase(StrEnum):
    """When a stage may run."""

    BASE = "base"
    """Needs neither secret nor identity: can be baked into a VM image."""
    NODE = "node"
    """On the instance itself."""


class Resource(StrEnum):
    """A resource that two stages must not use at the same time."""

    DPKG = "dpkg"
    DOCKER_DAEMON = "docker-daemon"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a stage would do. Without actions, `reason` says why there is nothing to do."""

    reason: str
    actions: tuple[Action, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.actions


class Stage(ABC, Generic[_FactsT]):
    """One step from a bare machine to a bot.

    Attributes:
        name: as operators see it.
        title: its result, in a few words for people.
        phase: see `Phase`.
        needs: names of the stages that must be done first.
        locks: resources held while it works.
        budget: seconds for all its attempts together.
        typical: seconds that it takes on a fresh instance, the weight in a run's progress.
        repairs_back_off: whether repeated repairs back off (see `engine.backoff`); False where an
            external service can break the stage and mend it.
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
        """Read the facts. Cheap; an absent thing is a fact and raises nothing."""

    @abstractmethod
    def plan(self, facts: _FactsT, config: BotConfig) -> Plan:
        """Decide from the facts alone."""

    def skip_reason(self, config: BotConfig) -> str | None:
        """Return why this bot has no such stage; None when it has."""
        del config
        return None

    def required(self, config: BotConfig) -> bool:
        """Return whether a failure fails the run; otherwise the bot is degraded."""
        del config
        return True

    def repairs(self, action: Action) -> str:
        """Return what `action` repairs when a boot had converged before."""
        del action
        return self.name

    def backs_off(self, error: ClawbotError) -> bool:
        """Return whether the timer's runs back off after `error` (see `engine.backoff`).

        They do not after a transient error. A stage that only queries services excepts more.
        """
        return not error.retryable

    def look(self, host: Host, config: BotConfig) -> Plan:
        """Probe and plan."""
        return self.plan(self.probe(host, config), config)


AnyStage = Stage[Any]


class GraphError(ValueError):
    """The stages have no order, or a name is unknown."""


class Graph:
    """Stages, each after those that it needs.

    Args:
        stages: all of them; needs permitting, in the given order.

    Raises:
        GraphError: a name twice, an unknown need or a cycle.
    """

    def __init__(self, stages: Sequence[AnyStage]) -> None:
        self._stages = {stage.name: stage for stage in stages}
        if len(self._stages) != len(stages):
            msg = "two stages have the same name"
            raise GraphError(msg)
        for stage in stages:
            for need in stage.needs:
                if need not in self._stages:
                    msg = f"{stage.name} needs {need}, which does not exist"
                    raise GraphError(msg)
        try:
            order = TopologicalSorter({s.name: s.needs for s in stages}).static_order()
            self.order: tuple[AnyStage, ...] = tuple(self._stages[name] for name in order)
        except CycleError as error:
            msg = f"stages need each other: {' -> '.join(error.args[1])}"
            raise GraphError(msg) from error

    @property
    def names(self) -> tuple[str, ...]:
        """The names in order."""
        return tuple(stage.name for stage in self.order)

    def dependants(self, name: str) -> frozenset[str]:
        """Return the names of the stages that need `name`, directly or indirectly."""
        found: set[str] = set()
        for stage in self.order:
            if found.intersection(stage.needs) or name in stage.needs:
                found.add(stage.name)
        return frozenset(found)

    def choose(self, names: Iterable[str] | None, *, phase: Phase | None) -> tuple[AnyStage, ...]:
        """Return the requested stages in order; None means all.

        Raises:
            GraphError: there is no stage of that name.
        """
        wanted = set(self._stages if names is None else names)
        if unknown := sorted(wanted - set(self._stages)):
            msg = f"no stage named {', '.join(unknown)}; there are {', '.join(self.names)}"
            raise GraphError(msg)
        return tuple(
            stage
            for stage in self.order
            if stage.name in wanted and (phase is None or stage.phase is phase)
        )
