"""Whether instances of this bot, one after the other, failed with the same error."""

from typing import Any, Final

from clawbot_agent.core.errors import ErrorRef, FailureCause
from clawbot_agent.core.paths import REPAIR_FILE
from clawbot_agent.health.checks.documents import read_document
from clawbot_agent.health.finding import Finding, State
from clawbot_agent.host import Host

__all__ = ["HOLDS", "Repair"]

HOLDS: Final = "holds"
"""Figure of a finding: 1 when no further instance may be asked for."""


class Repair:
    """What the agent remembers of the instances before this one."""

    def __call__(self, host: Host) -> Finding:
        """Read what the run wrote."""
        try:
            found = read_document(REPAIR_FILE, host.files)
        except ValueError:
            return Finding(State.UNKNOWN, f"{REPAIR_FILE} is not what the agent writes")
        if found is None or found.get("verdict") != "hold":
            return Finding(State.OK, "a new instance may be asked for", {HOLDS: 0})
        return _held(found)


def _held(found: dict[str, Any]) -> Finding:
    why = found.get("reason") or "instances failed with the same error"
    code = found.get("code")
    errors = (ErrorRef(code, FailureCause.UNCERTAIN),) if isinstance(code, str) else ()
    return Finding(State.WARNING, f"no new instance is asked for: {why}", {HOLDS: 1}, errors)
