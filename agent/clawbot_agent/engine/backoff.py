"""How often the timer's runs retry a failed stage, or repair again one that keeps breaking.

A stage backs off for 5, 10, 20, 40 and then 60 min after a failure that is not transient, and after
a repair. Meanwhile runs probe it and change nothing. The back-off ends when the stage is found
converged, when a stage that it needs changes, with another configuration, at the next boot, and
with a run that an operator starts. Stages that need a repaired stage which broke again run anyway.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Self

from clawbot_agent.core.errors import ClawbotError, FailureCause
from clawbot_agent.records.run import BackOffRecord, StageError, Streak

# longer than the longest wait, so that each repair finds the one before it
_REMEMBERED: Final = timedelta(minutes=120)


class RepairBackoffError(ClawbotError):
    """A recently repaired stage is broken again; the next repair is backing off."""

    code = "REPAIR_BACKOFF"
    cause = FailureCause.INSTANCE
    hint = "find out why it breaks; 'clawbot-agent run' repairs it without waiting"


class BackingOffError(ClawbotError):
    """The stage backs off.

    Attributes:
        reported: the error for the run's status: that of the last attempt, with the time of the
            next one.
        after_repair: the last attempt was a repair.
    """

    def __init__(self, streak: Streak) -> None:
        self.reported = _reported(streak)
        self.after_repair = streak.error is None
        super().__init__(self.reported.message)


class BackOff:
    """The stages that back off, and why.

    Args:
        boot_id: the boot that this is valid for.
        config: digest of the configuration that this is valid for.
        binding: whether the present run skips stages that back off; an operator's run does not.
        converged: whether a run of this boot has converged.
    """

    def __init__(
        self, *, boot_id: str, config: str, binding: bool = False, converged: bool = False
    ) -> None:
        self._boot_id = boot_id
        self._config = config
        self._binding = binding
        self.converged = converged
        self._streaks: dict[str, Streak] = {}
        self._down: set[str] = set()

    @classmethod
    def of(cls, record: BackOffRecord | None, *, boot_id: str, config: str, binding: bool) -> Self:
        """Continue from a record; from scratch without one of this boot and configuration."""
        made = cls(boot_id=boot_id, config=config, binding=binding)
        if record is not None and (record.boot_id, record.config) == (boot_id, config):
            made.converged = record.converged
            made._down = set(record.down)
            made._streaks = dict(record.stages) if binding else {}
        return made

    @property
    def record(self) -> BackOffRecord:
        """What the next run needs."""
        return BackOffRecord(
            boot_id=self._boot_id,
            config=self._config,
            converged=self.converged,
            down=tuple(sorted(self._down)),
            stages=dict(self._streaks),
        )

    def check(self, stage: str, now: datetime) -> None:
        """Return when `stage` may be changed now.

        Raises:
            BackingOffError: the stage backs off.
        """
        streak = self._streaks.get(stage)
        # a clock that was set back must not make a wait of a day
        if self._binding and streak is not None and streak.last <= now < streak.until:
            raise BackingOffError(streak)

    def failed(self, stage: str, error: StageError, now: datetime, *, backs_off: bool) -> None:
        """Note a failure; `backs_off` when another attempt would fail too."""
        self._down.add(stage)
        if not backs_off:
            return
        before = self._streaks.get(stage)
        self._streaks[stage] = Streak(1 if before is None else before.count + 1, now, error)

    def changed(self, stage: str, now: datetime) -> None:
        """Note that changes made the stage converge: a repair, in a boot that had converged.

        A repair by an operator's run does not back off.
        """
        self._down.discard(stage)
        before = self._streaks.pop(stage, None)
        if not (self.converged and self._binding):
            return
        again = before is not None and now - before.last < _REMEMBERED
        count = before.count + 1 if before is not None and again else 1
        self._streaks[stage] = Streak(count, now, None)

    def unchanged(self, stage: str, now: datetime) -> None:
        """Note that the stage was found converged; of the past only a recent repair counts."""
        self._down.discard(stage)
        streak = self._streaks.get(stage)
        if streak is not None and (streak.error is not None or now - streak.last >= _REMEMBERED):
            del self._streaks[stage]

    def failing(self, stage: str) -> bool:
        """Whether the last attempt at `stage` failed."""
        return stage in self._down

    def forget(self, stages: Iterable[str]) -> None:
        """End the back-off of these stages."""
        for stage in stages:
            self._streaks.pop(stage, None)


def _reported(streak: Streak) -> StageError:
    until = f"{streak.until:%H:%M:%S} UTC"
    if streak.error is None:
        text = f"repaired at {streak.last:%H:%M:%S} UTC and broken again; next repair at {until}"
        return StageError.of(RepairBackoffError(f"{text} ({streak.count} in a row)"))
    text = f"{streak.error.message}; not tried again before {until} ({streak.count} in a row)"
    return replace(streak.error, message=text)
