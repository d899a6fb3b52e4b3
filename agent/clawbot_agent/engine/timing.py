"""The time of a run's stages, and its critical path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["StageTime", "Timing", "timing"]


@dataclass(frozen=True, slots=True)
class StageTime:
    """When a stage worked: `start` in seconds from the run's start, and for how many `seconds`."""

    name: str
    start: float
    seconds: float
    needs: tuple[str, ...]

    @property
    def end(self) -> float:
        """Seconds from the run's start."""
        return self.start + self.seconds


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of a run.

    Attributes:
        stages: in the order of their starts.
        waits: seconds per stage spent waiting between attempts.
        critical_path: the chain of needs that ended last and so decided the total.
        total: seconds from the run's start to the end of its last stage.
    """

    stages: tuple[StageTime, ...]
    waits: Mapping[str, float]
    critical_path: tuple[StageTime, ...]
    total: float

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "schema": 1,
            "total": round(self.total, 3),
            "critical_path": [stage.name for stage in self.critical_path],
            "stages": [
                {
                    "name": stage.name,
                    "start": round(stage.start, 3),
                    "seconds": round(stage.seconds, 3),
                    "waited": round(self.waits.get(stage.name, 0.0), 3),
                }
                for stage in self.stages
            ],
        }


def timing(stages: Sequence[StageTime], *, waits: Mapping[str, float]) -> Timing:
    """Find the critical path: from the stage that ended last back along its latest needs."""
    by_name = {stage.name: stage for stage in stages}
    path: list[StageTime] = []
    last = max(stages, key=lambda stage: stage.end, default=None)
    total = 0.0 if last is None else last.end
    while last is not None:
        path.insert(0, last)
        needs = [by_name[name] for name in last.needs if name in by_name]
        last = max(needs, key=lambda stage: stage.end, default=None)
    ordered = tuple(sorted(stages, key=lambda stage: stage.start))
    return Timing(ordered, dict(waits), tuple(path), total)
