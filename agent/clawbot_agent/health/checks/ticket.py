"""The Kerberos ticket by which a share with managed identity is mounted."""

from datetime import timedelta
from typing import Final

from clawbot_agent.core.paths import TICKET_FILE
from clawbot_agent.health.checks.documents import moment, read_document
from clawbot_agent.health.finding import Finding, State, age_text
from clawbot_agent.host import Host

__all__ = ["Ticket"]

_SOON: Final = timedelta(hours=2)


class Ticket:
    """How long it lasts, as the refresh of it tells."""

    def __call__(self, host: Host) -> Finding:
        """Read what the refresh wrote."""
        try:
            found = read_document(TICKET_FILE, host.files)
        except ValueError:
            return Finding(State.UNKNOWN, f"{TICKET_FILE} is not what the refresh writes")
        if found is None:
            return Finding(State.ABSENT, "the share needs no ticket")
        end, error = moment(found.get("end")), found.get("error")
        failed = f"; the last refresh failed: {_told(error)}" if error else ""
        if end is None:
            return Finding(State.FAILED, f"there is no ticket{failed}")
        left = (end - host.clock.now()).total_seconds()
        figures = {"seconds_left": left}
        if left <= 0:
            return Finding(State.FAILED, f"ended {age_text(-left)} ago{failed}", figures)
        soon = left < _SOON.total_seconds()
        state = State.WARNING if soon or error else State.OK
        return Finding(state, f"good for {age_text(left)}{failed}", figures)


def _told(error: object) -> str:
    if not isinstance(error, dict):
        return "the reason is not told"
    return f"{error.get('code')}: {error.get('message')}"
