"""How often the timer's runs try again what failed, or repair again what breaks again.

A stage whose failure waiting does not cure, or that had to be repaired, rests for 5, 10, 20, 40
and then 60 minutes. While it rests it is looked at and not touched. The rest ends with the stage
being found well, with a change in a stage that it needs, with another configuration, with the
next boot, and with a run that somebody starts by hand. Stages that need one that was repaired and
broke again are run all the same.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self

from clawbot_agent.core.errors import ClawbotError, FailureCause
from clawbot_agent.records.status import StageError

__all__ = ["Pace", "PausedError", "RepairPausedError", "Strike"]

_SCHEMA: Final = 1
_FIRST: Final = timedelta(minutes=5)
_LONGEST: Final = timedelta(minutes=60)
# longer than the longest rest, or every rest would begin the count anew
_REMEMBERED: Final = timedelta(minutes=120)
# 5, 10, 20, 40, 60
_DOUBLINGS: Final = 4


class RepairPausedError(ClawbotError):
    """What was repaired a while ago is broken again; the next repair waits for its time."""

    code = "REPAIR_BACKOFF"
    cause = FailureCause.INSTANCE
    hint = "find out why it breaks; 'clawbot-agent run' repairs it at once, pause or not"


class PausedError(ClawbotError):
    """The stage rests.

    Attributes:
        told: the error that the run reports, the same as when the stage was last tried.
        after_repair: its last try brought it about; it broke again.
    """

    def __init__(self, strike: "Strike") -> None:
        """See the class."""
        self.told = strike.told()
        self.after_repair = strike.error is None
        super().__init__(self.told.message)


@dataclass(frozen=True, slots=True)
class Strike:
    """Failures and repairs of one stage, in a row.

    Attributes:
        count: how many.
        last: when the last one was.
        error: of the last failure; None when the last one was a repair.
    """

    count: int
    last: datetime
    error: StageError | None

    @property
    def until(self) -> datetime:
        """When it may be tried again."""
        rest: timedelta = _FIRST * 2 ** min(self.count - 1, _DOUBLINGS)
        return self.last + min(rest, _LONGEST)

    def told(self) -> StageError:
        """What a run says that leaves the stage alone."""
        until = f"{self.until:%H:%M:%S} UTC"
        if self.error is None:
            msg = f"repaired at {self.last:%H:%M:%S} UTC and broken again; left alone until {until}"
            return StageError.of(RepairPausedError(f"{msg} ({self.count} in a row)"))
        msg = f"{self.error.message}; not tried again before {until} ({self.count} in a row)"
        return replace(self.error, message=msg)


class Pace:
    """What rests, and why.

    Args:
        boot_id: the boot for which it holds.
        config: digest of the configuration for which it holds.
        binding: whether this run keeps to it; one that somebody started by hand ends all rests.
        converged: whether all stages were well at some time in this boot.
        strikes: by stage.
    """

    def __init__(
        self,
        *,
        boot_id: str,
        config: str,
        binding: bool = False,
        converged: bool = False,
        strikes: Mapping[str, Strike] | None = None,
    ) -> None:
        """See the class."""
        self._boot_id = boot_id
        self._config = config
        self._binding = binding
        self.converged = converged
        self._strikes = dict(strikes or {})
        # stages that failed when they were last tried, rest or no rest
        self._down: set[str] = set()

    @classmethod
    def read(cls, text: str | None, *, boot_id: str, config: str, binding: bool) -> Self:
        """From its document; a fresh one when that is of another boot or configuration."""
        made = cls(boot_id=boot_id, config=config, binding=binding)
        try:
            found = json.loads(text or "{}")
            known = (found.get("schema"), found.get("boot_id"), found.get("config"))
            if known == (_SCHEMA, boot_id, config):
                made.converged = bool(found["converged"])
                made._down = set(found["down"])
                strikes = found["stages"] if binding else {}
                made._strikes = {name: _strike(one) for name, one in strikes.items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            # a damaged file costs a try that was not due yet
            return cls(boot_id=boot_id, config=config, binding=binding)
        return made

    def text(self) -> str:
        """Its document."""
        document = {
            "schema": _SCHEMA,
            "boot_id": self._boot_id,
            "config": self._config,
            "converged": self.converged,
            "down": sorted(self._down),
            "stages": {name: _document(strike) for name, strike in self._strikes.items()},
        }
        return json.dumps(document, indent=2) + "\n"

    def check(self, stage: str, now: datetime) -> None:
        """Whether `stage` may be changed now.

        Raises:
            PausedError: it rests.
        """
        strike = self._strikes.get(stage)
        # a clock that was set back must not make a rest of a day
        if self._binding and strike is not None and strike.last <= now < strike.until:
            raise PausedError(strike)

    def failed(self, stage: str, error: StageError, now: datetime, *, rests: bool) -> None:
        """It failed; `rests` when it would again."""
        self._down.add(stage)
        if not rests:
            return
        before = self._strikes.get(stage)
        self._strikes[stage] = Strike(1 if before is None else before.count + 1, now, error)

    def changed(self, stage: str, now: datetime) -> None:
        """It is well after something was done: a repair, in a boot that had converged.

        What is put right by hand does not rest: somebody looks after it.
        """
        self._down.discard(stage)
        before = self._strikes.pop(stage, None)
        if not (self.converged and self._binding):
            return
        again = before is not None and now - before.last < _REMEMBERED
        count = before.count + 1 if before is not None and again else 1
        self._strikes[stage] = Strike(count, now, None)

    def unchanged(self, stage: str, now: datetime) -> None:
        """It was found well. A repair is remembered for two hours, a failure no longer."""
        self._down.discard(stage)
        strike = self._strikes.get(stage)
        if strike is not None and (strike.error is not None or now - strike.last >= _REMEMBERED):
            del self._strikes[stage]

    def failing(self, stage: str) -> bool:
        """Whether its last try failed."""
        return stage in self._down

    def forget(self, stages: Iterable[str]) -> None:
        """Let these be tried at once."""
        for stage in stages:
            self._strikes.pop(stage, None)


def _document(strike: Strike) -> dict[str, Any]:
    return {
        "count": strike.count,
        "last": strike.last.isoformat(timespec="milliseconds"),
        "until": strike.until.isoformat(timespec="milliseconds"),
        "error": None if strike.error is None else strike.error.document(),
    }


def _strike(found: Mapping[str, Any]) -> Strike:
    error = None if found["error"] is None else StageError.parsed(found["error"])
    return Strike(int(found["count"]), datetime.fromisoformat(found["last"]), error)
