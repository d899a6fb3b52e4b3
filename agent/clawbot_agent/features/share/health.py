"""Health check of the Kerberos ticket with which a managed identity mounts the share."""

from datetime import timedelta
from typing import Final

from clawbot_agent.engine.finding import ComponentState, Finding, age_text
from clawbot_agent.host import Host
from clawbot_agent.records.ticket import TICKET

_SOON: Final = timedelta(hours=2)


class TicketCheck:
    """The ticket's remaining time, as its refresh recorded it."""

    def __call__(self, host: Host) -> Finding:
        """Read the record.

        Raises:
            RecordError: it is damaged.
        """
        found = TICKET.read(host.files)
        if found is None:
            return Finding(ComponentState.ABSENT, "the share needs no ticket")
        failed = f"; the last refresh failed: {found.error}" if found.error else ""
        if found.end is None:
            return Finding(ComponentState.FAILED, f"no ticket{failed}")
        left = (found.end - host.clock.now()).total_seconds()
        figures = {"remaining_seconds": left}
        if left <= 0:
            why = f"expired {age_text(-left)} ago{failed}"
            return Finding(ComponentState.FAILED, why, figures)
        soon = left < _SOON.total_seconds()
        state = ComponentState.WARNING if soon or found.error else ComponentState.OK
        return Finding(state, f"valid for {age_text(left)}{failed}", figures)
