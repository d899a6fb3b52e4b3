"""Which stages decided how long a run took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clawbot_agent.records.output import StageTiming, TimingReport


@dataclass(frozen=True, slots=True)
class StageTime:
    """When a stage worked; both in seconds, `start` from the run's start."""

    name: str
    start: float
    seconds: float
    needs: tuple[str, ...]

    @property
    def end(self) -> float:
        """Seconds from the run's start."""
        return self.start + self.seconds


def timing(stages: Sequence[StageTime], *, waits: Mapping[str, float]) -> TimingReport:
    """Find the critical path: from the stage that ended last back along its latest needs.

    Args:
        stages: all that worked.
        waits: seconds between attempts, by stage.
    """
    by_name = {stage.name: stage for stage in stages}
    path: list[str] = []
    last = max(stages, key=lambda stage: stage.end, default=None)
    total = 0.0 if last is None else last.end
    while last is not None:
        path.insert(0, last.name)
        needs = [by_name[name] for name in last.needs if name in by_name]
        last = max(needs, key=lambda stage: stage.end, default=None)
    timed = (
        StageTiming(stage.name, stage.start, stage.seconds, waits.get(stage.name, 0.0))
        for stage in sorted(stages, key=lambda stage: stage.start)
    )
    return TimingReport(total, tuple(path), tuple(timed))
