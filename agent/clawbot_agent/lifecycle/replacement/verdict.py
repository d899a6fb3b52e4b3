"""Whether another instance is worth asking for: /var/lib/clawbot/repair.json.

The sidecar reads it and tells Azure; the share is not asked for it.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from typing import Any, Final, Self

from clawbot_agent.config.model import RepairConfig
from clawbot_agent.core.paths import REPAIR_FILE
from clawbot_agent.host.files import Files
from clawbot_agent.lifecycle.replacement.failures import Failure, Failures

__all__ = ["Verdict"]

_SCHEMA: Final = 1
_HOLD: Final = "hold"
_ASK: Final = "ask"
# so many times the replacements with one error may end with any
_OTHERS: Final = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from the failures.

    Attributes:
        hold: no further instance is to be asked for.
        code: of the error.
        failures: instances in a row that ended with it, this one included; or with any error, when
            that is why it holds.
        window_hours: how long a failure counts.
        reason: for people, one line.
    """

    hold: bool
    code: str
    failures: int
    window_hours: int
    reason: str

    @classmethod
    def of(cls, failures: Failures, mine: Failure, config: RepairConfig) -> Self:
        """Hold when so many replacements ended with this error, or twice as many with any."""
        row = failures.in_a_row(mine, within=timedelta(hours=config.window_hours))
        number = sum(1 for _ in takewhile(mine.same_error, reversed(row)))
        what = f"{mine.code} in {mine.stage}"
        within = f"within {config.window_hours} h"
        # one cause may show in several ways by turns: that must not go on without end either
        if number <= config.replacements and len(row) > _OTHERS * config.replacements:
            number, what = len(row), " or ".join(dict.fromkeys(one.code for one in row))
        hold = number > config.replacements
        if hold:
            reason = (
                f"{number} instances in a row failed with {what} {within}: another one would too, "
                "none is asked for until a run succeeds here"
            )
        else:
            reason = f"failed with {what}; instances in a row that did {within}: {number}"
        return cls(hold, mine.code, number, config.window_hours, reason)

    @classmethod
    def unremembered(cls, mine: Failure, config: RepairConfig, *, why: str) -> Self:
        """Of an instance that cannot know how those before it ended."""
        reason = f"failed with {mine.code} in {mine.stage}; whether others did is not known: {why}"
        return cls(
            hold=False,
            code=mine.code,
            failures=1,
            window_hours=config.window_hours,
            reason=reason,
        )

    def holds_for(self, code: str) -> bool:
        """Whether it says that another instance would fail with `code` again."""
        return self.hold and self.code == code

    def text(self) -> str:
        """As it is stored; these keys are a promise."""
        document = {
            "schema": _SCHEMA,
            "verdict": _HOLD if self.hold else _ASK,
            "code": self.code,
            "failures": self.failures,
            "window_hours": self.window_hours,
            "reason": self.reason,
        }
        return json.dumps(document, indent=2) + "\n"

    @classmethod
    def read(cls, files: Files) -> Self | None:
        """The present one; None when no run has failed since the last success."""
        try:
            found: dict[str, Any] = json.loads(files.read_text(REPAIR_FILE) or "null") or {}
            return cls(
                hold=found["verdict"] == _HOLD,
                code=str(found["code"]),
                failures=int(found["failures"]),
                window_hours=int(found["window_hours"]),
                reason=str(found["reason"]),
            )
        except (ValueError, KeyError, TypeError):
            return None
