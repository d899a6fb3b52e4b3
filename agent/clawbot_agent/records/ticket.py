"""The Kerberos ticket of the share: ticket.json, which the refresh writes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from clawbot_agent.core.paths import TICKET_FILE
from clawbot_agent.records.record import Record, RecordFile


@dataclass(frozen=True, slots=True)
class TicketError:
    """The error of a refresh."""

    code: str
    message: str

    def __str__(self) -> str:
        """Code and message."""
        return f"{self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class TicketRecord(Record):
    """Result of the last refresh.

    Attributes:
        end: when the ticket expires; None without a ticket.
        renewed: time of the last refresh that succeeded.
        tried: time of the last refresh.
        error: of the last refresh; None when it succeeded.
    """

    end: datetime | None
    renewed: datetime | None
    tried: datetime
    error: TicketError | None


TICKET: Final = RecordFile(TICKET_FILE, TicketRecord)
