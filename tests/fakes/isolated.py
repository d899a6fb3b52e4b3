"""Isolated operations that tests script by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from clawbot_agent.core.errors import ClawbotError

__all__ = ["FakeIsolated"]


@dataclass(slots=True)
class FakeIsolated:
    """`Isolated` with scripted operations; an operation without a script fails the test.

    Attributes:
        operations: called with the arguments as keywords; an error is raised instead.
        calls: operation and arguments of every call.
    """

    operations: dict[str, Callable[..., object] | ClawbotError] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def __call__(
        self,
        program: tuple[str, ...],
        operation: str,
        arguments: Mapping[str, object],
        *,
        subject: Path,
        seconds: float,
    ) -> object:
        """See `Isolated`."""
        del program, subject, seconds
        self.calls.append((operation, {**arguments}))
        found = self.operations[operation]
        if isinstance(found, ClawbotError):
            raise found
        return found(**arguments)
