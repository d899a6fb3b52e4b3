"""The result of a drill: figures and broken promises."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

Say = Callable[[str], None]


@dataclass(slots=True)
class Report:
    """The result of one drill, printed line by line while it runs.

    Args:
        title: name of the drill.
        say: receives each line.
    """

    title: str
    say: Say = print
    figures: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def note(self, text: str) -> None:
        """Report an event."""
        self.say(f"[{time.monotonic() - self._began:7.1f} s] {self.title}: {text}")

    def figure(self, what: str, value: object) -> None:
        """Report a measurement; a float is in seconds."""
        self.figures[what] = f"{value:.1f} s" if isinstance(value, float) else str(value)
        self.note(f"{what}: {self.figures[what]}")

    def demand(self, *, kept: bool, promise: str) -> None:
        """Record whether a promise was kept; the drill continues either way."""
        if not kept:
            self.broken.append(promise)
            self.note(f"BROKEN: {promise}")

    def table(self) -> str:
        """Return all figures and the broken promises."""
        width = max((len(what) for what in self.figures), default=0)
        lines = [f"## {self.title}"]
        lines += [f"{what.ljust(width)}  {value}" for what, value in self.figures.items()]
        lines += [f"BROKEN: {promise}" for promise in self.broken] or ["all promises kept"]
        return "\n".join(lines)
