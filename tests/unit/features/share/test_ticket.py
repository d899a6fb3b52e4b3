"""Kerberos tickets of a managed identity.

azfilesauth's output is not recorded from a run, because the tool needs Azure: it follows
Azure/AzFilesAuthenticator, README (list --json), and reports of its failures.
"""

import json
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from clawbot_agent.azure.errors import IdentityNotFoundError, ImdsUnavailableError
from clawbot_agent.core.constants import TICKET_TIMER
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import TICKET_FILE
from clawbot_agent.features.share.errors import (
    AzfilesauthMissingError,
    ShareRoleMissingError,
    ShareTicketMissingError,
    ShareTicketRefusedError,
)
from clawbot_agent.features.share.ticket import Ticket, cruid, present_ticket, refresh_ticket
from clawbot_agent.host.commands import CommandMissingError, Completed
from tests.fakes import Call, FakeClock, FakeFiles
from tests.unit.features.share.conftest import HOST, UNIT, Machine, azure_config

CONFIG: Final = azure_config(auth="managed-identity", key_secret=None)
CLIENT: Final = "11111111-2222-3333-4444-555555555555"
SET: Final = ("azfilesauthmanager", "set", f"https://{HOST}", "--imds-client-id", CLIENT)
LIST: Final = ("azfilesauthmanager", "list", "--json")
NOW: Final = FakeClock().now()
DAY: Final = timedelta(hours=24)
REALM: Final = "FILES.AZURE.STORAGE.MICROSOFT.COM"


def formatted(moment: datetime) -> str:
    """Return a time in the tool's format."""
    return f"{moment:%m/%d/%y %H:%M:%S} UTC (epoch: {int(moment.timestamp())})"


def entry(*, end: datetime, start: datetime = NOW, host: str = HOST) -> dict[str, Any]:
    """Return a ticket as listed by version 1.0-10 and later."""
    return {
        "server": f"cifs/{host}@{REALM}",
        "client": f"AzureFileClient@{REALM}",
        "realm": REALM,
        "ticket_flags": 8388608,
        "ticket_start_time": formatted(start),
        "ticket_end_time": formatted(end),
        "ticket_renew_till": formatted(end),
    }


class Tool:
    """A simulated azfilesauthmanager.

    Attributes:
        tickets: the output of `list --json`.
        refusal: the result of `set` instead of a ticket.
    """

    def __init__(self, machine: Machine) -> None:
        self.tickets: list[dict[str, Any]] = []
        self.refusal: Completed | None = None
        self.machine = machine
        machine.run.effect(*LIST, act=self._list)
        machine.run.effect(*SET, act=self._set)
        machine.run.unit(TICKET_TIMER, active="inactive", enabled="static")
        machine.files.put("/etc/azfilesauth/config.yaml", "LOG_DESTINATION: file\nUSER_UID: 1005\n")

    def _list(self, call: Call) -> Completed:
        return Completed(call.argv, 0, json.dumps(self.tickets), "")

    def _set(self, call: Call) -> Completed | None:
        if self.refusal is not None:
            return Completed(call.argv, 1, self.refusal.stdout, self.refusal.stderr)
        now = self.machine.clock.now()
        self.tickets = [entry(start=now, end=now + DAY)]
        return None


@pytest.fixture
def tool(machine: Machine) -> Tool:
    return Tool(machine)


def note(files: FakeFiles) -> dict[str, Any]:
    """Return the record that status and sidecar read."""
    found: dict[str, Any] = json.loads(files.read_text(TICKET_FILE) or "{}")
    return found


def refused(output: str) -> Completed:
    return Completed(SET, 1, output, "")


def test_bare_machine_converges_in_one_pass(machine: Machine, tool: Tool) -> None:
    """No key is read, and no credentials file is written."""
    assert machine.apply(CONFIG) == [
        "get a Kerberos ticket for the share (missing or about to expire)",
        f"start {TICKET_TIMER} (renews the ticket)",
        f"mount //{HOST}/bot on /srv/clawbot/share (not mounted)",
        "write a test file to /srv/clawbot/share (new mount)",
    ]
    assert machine.reads == []
    assert machine.files.list(TICKET_FILE.parent / "x") == ()
    text = machine.files.read_text(TICKET_FILE.parents[1] / "systemd/system" / UNIT) or ""
    assert f"sec=krb5,cruid=1005,username={CLIENT}" in text
    assert "credentials=" not in text
    assert len(tool.tickets) == 1


def test_ticket_is_renewed_in_its_last_hour(machine: Machine, tool: Tool) -> None:
    """It is not renewed earlier, and the mount is kept."""
    machine.apply(CONFIG)
    machine.clock.advance(22 * 3600)
    assert machine.look(CONFIG).empty
    machine.clock.advance(3700)
    assert machine.apply(CONFIG) == [
        "get a Kerberos ticket for the share (missing or about to expire)"
    ]
    assert machine.mounts == 1
    assert tool.tickets[0]["ticket_end_time"] == formatted(machine.clock.now() + DAY)


def test_short_ticket_is_renewed_in_its_last_quarter() -> None:
    """With a margin of an hour it would be renewed at every probe."""
    start = NOW.timestamp()
    ticket = Ticket(start=int(start), end=int(start) + 2400)
    assert ticket.lasts(NOW + timedelta(minutes=29))
    assert not ticket.lasts(NOW + timedelta(minutes=31))


@pytest.mark.parametrize(
    ("tickets", "end"),
    [
        ([], None),
        ([entry(end=NOW + DAY, host="other.file.core.windows.net")], None),
        ([entry(end=NOW), entry(end=NOW + DAY)], NOW + DAY),
        ([{"server": "cifs", "client": "x", "ticket_renew_till": 1767312000}], None),
        (["odd", {}], None),
    ],
    ids=["none", "of another account", "two", "of an old tool", "garbage"],
)
def test_ticket_for_the_share_that_expires_last_is_present(
    machine: Machine, tool: Tool, tickets: list[Any], end: datetime | None
) -> None:
    tool.tickets = tickets
    share = CONFIG.share.azure_files
    assert share is not None
    found = present_ticket(machine.host, share)
    if tickets and isinstance(tickets[0], dict) and tickets[0].get("server") == "cifs":
        # an old tool prints neither account nor start
        assert found == Ticket(start=0, end=1767312000)
    else:
        assert (found and found.end) == (end and int(end.timestamp()))


@pytest.mark.parametrize(
    ("text", "uid"),
    [
        ("USER_UID: 1005\n", 1005),
        ("a: b\n  USER_UID : '0' # root\n", 0),
        ('USER_UID: "998"', 998),
        ("# USER_UID: 7\n", 0),
        ("", 0),
    ],
)
def test_owner_of_the_ticket_is_read_from_the_tools_configuration(text: str, uid: int) -> None:
    files = FakeFiles()
    files.put("/etc/azfilesauth/config.yaml", text)
    assert cruid(files) == uid


def test_result_of_a_renewal_is_recorded(machine: Machine, tool: Tool) -> None:
    """End and last success are kept when a later attempt fails."""
    refresh_ticket(machine.host, CONFIG)
    good = note(machine.files)
    assert good == {
        "schema": 1,
        "end": (NOW + DAY).isoformat(timespec="milliseconds"),
        "renewed": NOW.isoformat(timespec="milliseconds"),
        "tried": NOW.isoformat(timespec="milliseconds"),
        "error": None,
    }
    found = machine.files.stat(TICKET_FILE)
    assert found is not None
    assert found.mode == 0o644
    machine.clock.advance(60)
    tool.refusal = refused("[-] Error calling AzAuthenticatorLib: -1")
    with pytest.raises(ShareTicketRefusedError):
        refresh_ticket(machine.host, CONFIG)
    bad = note(machine.files)
    assert bad["error"]["code"] == "SHARE_TICKET_REFUSED"
    assert (bad["end"], bad["renewed"]) == (good["end"], good["renewed"])
    assert bad["tried"] == (NOW + timedelta(seconds=60)).isoformat(timespec="milliseconds")


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("[-] Error calling AzAuthenticatorLib: -1", ShareTicketRefusedError),
        (
            '{"error":"invalid_request","error_description":"Identity not found"}',
            IdentityNotFoundError,
        ),
        (
            "HTTPConnectionPool(host='169.254.169.254', port=80): Read timed out.",
            ImdsUnavailableError,
        ),
    ],
)
def test_refusal_is_reported_by_its_cause(
    machine: Machine, tool: Tool, output: str, expected: type[ClawbotError]
) -> None:
    tool.refusal = refused(output)
    with pytest.raises(expected):
        machine.apply(CONFIG)


def test_hint_names_the_packages_when_the_tool_is_missing(machine: Machine) -> None:
    """The probe succeeds; the plan contains the ticket."""
    missing = CommandMissingError("azfilesauthmanager: No such file or directory")
    machine.run.fail("azfilesauthmanager", error=missing)
    machine.run.unit(TICKET_TIMER, active="inactive", enabled="static")
    plan = machine.look(CONFIG)
    assert (
        plan.actions[0].summary
        == "get a Kerberos ticket for the share (missing or about to expire)"
    )
    with pytest.raises(AzfilesauthMissingError) as caught:
        machine.apply(CONFIG)
    assert "apt-get install azfilesauth" in caught.value.hint
    assert note(machine.files)["error"]["code"] == "AZFILESAUTH_MISSING"


def test_success_of_the_tool_without_a_ticket_is_an_error(machine: Machine, tool: Tool) -> None:
    machine.run.answer(*SET)
    machine.run._script[SET].pop(0)  # noqa: SLF001 - the answer replaces the effect
    del tool
    with pytest.raises(ShareTicketMissingError):
        refresh_ticket(machine.host, CONFIG)


def test_mount_without_the_role_is_retried_for_minutes(machine: Machine, tool: Tool) -> None:
    """Error 13 means a missing role here, not a wrong key."""
    del tool
    machine.output = "mount error(13): Permission denied"
    with pytest.raises(ShareRoleMissingError) as caught:
        machine.apply(CONFIG)
    assert caught.value.retry.within == 900
