"""The Kerberos ticket with which a managed identity mounts the share.

Microsoft's azfilesauth gets it (Azure/AzFilesAuthenticator, README). The agent renews it with its
own timer, so that a failure is reported, and ignores azfilesauth's refresher.
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

_TOOL: Final = "azfilesauthmanager"
_SETTINGS: Final = Path("/etc/azfilesauth/config.yaml")
_UID: Final = re.compile(r"^\s*USER_UID\s*:\s*[\"']?(\d+)[\"']?\s*(?:#.*)?$", re.MULTILINE)
# the tool waits 10 s for the metadata service, and for the file server by curl's limits
_TOOL_SECONDS: Final = 90.0
_LIST_SECONDS: Final = 20.0
_EPOCH: Final = re.compile(r"\(epoch: (\d+)\)")
_SHOWN: Final = 300
# seconds before its end at which a ticket is renewed; a short one in its last quarter
_MARGIN: Final = 3600


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket for the file server; times in seconds since 1970."""

    start: int
    end: int

    def lasts(self, now: datetime) -> bool:
        """Return whether it need not be renewed yet."""
        margin = min(_MARGIN, max(0, self.end - self.start) / 4) if self.start else _MARGIN
        return now.timestamp() < self.end - margin


def cruid(files: Files) -> int:
    """Return the ticket's owner from azfilesauth's configuration; 0 if it names none."""
    found = _UID.search(files.read_text(_SETTINGS) or "")
    return int(found[1]) if found else 0


def present_ticket(host: Host, share: AzureFilesShare) -> Ticket | None:
    """Return the ticket for the share's server that expires last, if any."""
    try:
        done = host.run((_TOOL, "list", "--json"), timeout=_LIST_SECONDS)
    except CommandMissingError:
        return None
    tickets = [_ticket(entry) for entry in _entries(done) if _is_for(entry, share)]
    return max(tickets, key=lambda ticket: ticket.end, default=None)


def refresh_ticket(host: Host, config: BotConfig) -> Ticket:
    """Get a new ticket, and record the result for status and sidecar.

    Raises:
        AzfilesauthMissingError: the tool is not installed.
        IdentityNotFoundError, ImdsUnavailableError: no token for the identity.
        ShareTicketRefusedError: Azure Files issues none.
        ShareTicketMissingError: the tool succeeds without a ticket.
    """
    share = config.share.azure_files
    assert share is not None  # noqa: S101 - its only callers have a share with a ticket
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
        msg = f"{_TOOL}: not installed, required by share.auth: managed-identity"
        raise AzfilesauthMissingError(msg) from error
    if not done.ok:
        raise _refused(done, share, client_id=client_id)
    ticket = present_ticket(host, share)
    if ticket is None:
        msg = f"{share.host}: {_TOOL} exited with 0 without a ticket"
        raise ShareTicketMissingError(msg)
    return ticket


def _refused(done: Completed, share: AzureFilesShare, *, client_id: str) -> ClawbotError:
    output = " ".join(f"{done.stdout} {done.stderr}".split())[-_SHOWN:]
    if "identity not found" in output.lower():
        return IdentityNotFoundError(f"the instance has no identity with client id {client_id}")
    if "169.254.169.254" in output:
        return ImdsUnavailableError(f"{_TOOL}: {output}")
    return ShareTicketRefusedError(f"{share.host}: {_TOOL} exited with {done.returncode}: {output}")


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
    # before version 1.0-10 the tool printed only the service
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
