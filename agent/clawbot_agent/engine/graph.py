"""The order of stages: who needs whom."""

from collections.abc import Iterable, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from clawbot_agent.engine.stage import Phase, Stage

__all__ = ["AnyStage", "Graph", "GraphError"]

AnyStage = Stage[Any]


class GraphError(ValueError):
    """The stages cannot be put in an order, or a name is unknown."""


class Graph:
    """Stages in an order in which each comes after what it needs.

    Args:
        stages: all of them; the given order is kept where needs allow it.

    Raises:
        GraphError: a name twice, an unknown need or a cycle.
    """

    def __init__(self, stages: Sequence[AnyStage]) -> None:
        """See the class."""
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
        """In order."""
        return tuple(stage.name for stage in self.order)

    def dependants(self, name: str) -> frozenset[str]:
        """Names of the stages that need `name`, directly or through others."""
        found: set[str] = set()
        for stage in self.order:
            if found.intersection(stage.needs) or name in stage.needs:
                found.add(stage.name)
        return frozenset(found)

    def choose(self, names: Iterable[str] | None, *, phase: Phase | None) -> tuple[AnyStage, ...]:
        """The stages asked for, in order; None means all.

        Raises:
            GraphError: a name that no stage has.
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
