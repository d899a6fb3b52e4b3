"""The Kerberos ticket by which a managed identity mounts the share.

Microsoft's azfilesauth gets it (Azure/AzFilesAuthenticator, README). Its own refresher is
left alone; this agent renews the ticket by a timer of its own, so that somebody notices
when that fails.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from clawbot_agent.azure.errors import IdentityNotFoundError, ImdsUnavailableError
from clawbot_agent.config.model import BotConfig
from clawbot_agent.config.storage import AzureFilesShare
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.features.share.errors import (
    AzfilesauthMissingError,
    ShareTicketMissingError,
    ShareTicketRefusedError,
)
from clawbot_agent.host import Host
from clawbot_agent.host.commands import CommandMissingError, Completed
from clawbot_agent.host.files import Files
from clawbot_agent.records.ticket import TICKET, TicketError, TicketRecord

__all__ = ["Ticket", "cruid", "present_ticket", "refresh_ticket"]

_TOOL: Final = "azfilesauthmanager"
_SETTINGS: Final = Path("/etc/azfilesauth/config.yaml")
_UID: Final = re.compile(r"^\s*USER_UID\s*:\s*[\"']?(\d+)[\"']?\s*(?:#.*)?$", re.MULTILINE)
# the tool gives the metadata service 10 s and the file server its own curl limits
_TOOL_SECONDS: Final = 90.0
_LIST_SECONDS: Final = 20.0
_EPOCH: Final = re.compile(r"\(epoch: (\d+)\)")
_SHOWN: Final = 300
# no later than this before its end, in seconds; of a short ticket, in its last quarter
_MARGIN: Final = 3600


@dataclass(frozen=True, slots=True)
class Ticket:
    """One ticket for the file server; times in seconds since 1970."""

    start: int
    end: int

    def lasts(self, now: datetime) -> bool:
        """Whether it need not be renewed yet."""
        margin = min(_MARGIN, max(0, self.end - self.start) / 4) if self.start else _MARGIN
        return now.timestamp() < self.end - margin


def cruid(files: Files) -> int:
    """Owner of the ticket as azfilesauth is set up; 0 when that says nothing."""
    found = _UID.search(files.read_text(_SETTINGS) or "")
    return int(found[1]) if found else 0


def present_ticket(host: Host, share: AzureFilesShare) -> Ticket | None:
    """The ticket for the share's server that lasts longest; None when there is none."""
    try:
        done = host.run((_TOOL, "list", "--json"), timeout=_LIST_SECONDS)
    except CommandMissingError:
        return None
    tickets = [_ticket(entry) for entry in _entries(done) if _is_for(entry, share)]
    return max(tickets, key=lambda ticket: ticket.end, default=None)


def refresh_ticket(host: Host, config: BotConfig) -> Ticket:
    """Get a new ticket; what came of it is noted for status and sidecar.

    Raises:
        AzfilesauthMissingError: the tool is not installed.
        IdentityNotFoundError, ImdsUnavailableError: no token for the identity.
        ShareTicketRefusedError: Azure Files gave none.
        ShareTicketMissingError: it said yes and there is no ticket.
    """
    share = config.share.azure_files
    assert share is not None  # noqa: S101 - whoever asks has looked
    try:
        ticket = _fresh(host, share, client_id=config.identity.client_id)
    except ClawbotError as error:
        _note(host, ticket=present_ticket(host, share), error=error)
        raise
    _note(host, ticket=ticket, error=None)
    return ticket


def _fresh(host: Host, share: AzureFilesShare, *, client_id: str) -> Ticket:
    argv = (_TOOL, "set", f"https://{share.host}", "--imds-client-id", client_id)
    try:
        done = host.run(argv, timeout=_TOOL_SECONDS)
    except CommandMissingError as error:
        msg = f"share.auth is managed-identity and there is no {_TOOL}"
        raise AzfilesauthMissingError(msg) from error
    if not done.ok:
        raise _refused(done, share, client_id=client_id)
    ticket = present_ticket(host, share)
    if ticket is None:
        msg = f"{_TOOL} ended well and has no ticket for {share.host}"
        raise ShareTicketMissingError(msg)
    return ticket


def _refused(done: Completed, share: AzureFilesShare, *, client_id: str) -> ClawbotError:
    said = " ".join(f"{done.stdout} {done.stderr}".split())[-_SHOWN:]
    if "identity not found" in said.lower():
        return IdentityNotFoundError(f"the instance has no identity with client id {client_id}")
    if "169.254.169.254" in said:
        return ImdsUnavailableError(f"{_TOOL}: {said}")
    return ShareTicketRefusedError(f"{share.host}: {_TOOL} ended with {done.returncode}: {said}")


def _note(host: Host, *, ticket: Ticket | None, error: ClawbotError | None) -> None:
    now, before = host.clock.now(), TICKET.load(host.files)
    renewed = None if before is None else before.renewed
    record = TicketRecord(
        end=None if ticket is None else datetime.fromtimestamp(ticket.end, tz=UTC),
        renewed=now if error is None else renewed,
        tried=now,
        error=None
        if error is None
        else TicketError(error.code, host.redactor.scrub(error.message)),
    )
    TICKET.save(host.files, record)


def _entries(done: Completed) -> list[dict[str, Any]]:
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return []
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _is_for(entry: dict[str, Any], share: AzureFilesShare) -> bool:
    # before 1.0-10 the tool named the service alone
    server = str(entry.get("server", ""))
    return server == "cifs" or server.partition("@")[0].lower() == f"cifs/{share.host}"


def _ticket(entry: dict[str, Any]) -> Ticket:
    end = _epoch(entry.get("ticket_end_time")) or _epoch(entry.get("ticket_renew_till"))
    return Ticket(start=_epoch(entry.get("ticket_start_time")), end=end)


def _epoch(value: object) -> int:
    if isinstance(value, int):
        return value
    found = _EPOCH.search(str(value))
    return int(found[1]) if found else 0
