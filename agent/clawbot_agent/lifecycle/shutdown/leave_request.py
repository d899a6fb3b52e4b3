"""An operator's own announcement: /run/clawbot/leave.json has the instance leave in order.

Azure announces a reimage to nobody; whoever asks Azure for one asks the instance first.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from clawbot_agent.azure.scheduled_events import Notice
from clawbot_agent.core.paths import LEAVE_FILE
from clawbot_agent.host.files import Files

__all__ = ["LEAVE", "Wish", "read_wish", "withdraw"]

LEAVE: Final = "Leave"
_SCHEMA: Final = 1
_MODE: Final = 0o644


@dataclass(frozen=True, slots=True)
class Wish:
    """That the instance leaves.

    Attributes:
        until: when it is expected to be gone.
    """

    until: datetime

    def write(self, files: Files) -> None:
        """Announce it."""
        document = {"schema": _SCHEMA, "until": self.until.isoformat(timespec="seconds")}
        files.write(LEAVE_FILE, json.dumps(document) + "\n", mode=_MODE)

    @property
    def notice(self) -> Notice:
        """As one of Azure's, but for nobody to agree to."""
        return Notice(
            event_id=f"leave {self.until.isoformat()}",
            kind=LEAVE,
            resources=(),
            scheduled=False,
            not_before=self.until,
        )


def read_wish(files: Files, *, now: datetime) -> Wish | None:
    """What was asked for, unless its time is over; None without a readable one."""
    try:
        found: dict[str, Any] = json.loads(files.read_text(LEAVE_FILE) or "null") or {}
        wish = Wish(datetime.fromisoformat(found["until"]))
        over = now >= wish.until
    except (ValueError, KeyError, TypeError):
        return None
    return None if over else wish


def withdraw(files: Files) -> None:
    """The instance stays after all."""
    files.remove(LEAVE_FILE)
