"""`refresh-ticket`, as its timer runs it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clawbot_agent import host
from clawbot_agent.cli import refresh_ticket as verb
from clawbot_agent.core.constants import TICKET_TIMER
from clawbot_agent.core.paths import TICKET_FILE
from tests.unit.features.share.conftest import HOST, Machine
from tests.unit.features.share.test_ticket import Tool, refused

WITH_TICKET = """\
name: my-bot
azure: {client_id: 11111111-2222-3333-4444-555555555555, key_vault: my-vault}
share: {kind: azure-files, account: botshares, name: bot, auth: managed-identity}
"""
WITH_KEY = WITH_TICKET.replace("auth: managed-identity", "key_secret: storage-key")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The machine that the verb finds."""
    made = Machine()
    monkeypatch.setattr(host, "system_host", lambda **_options: made.host)
    monkeypatch.setattr(verb, "require_root", lambda: None)
    return made


def called(tmp_path: Path, text: str) -> Result:
    """Run the verb with this configuration."""
    config = tmp_path / "config.yaml"
    config.write_text(text)
    return CliRunner().invoke(verb.refresh_ticket, ["--config", str(config)])


def test_expiry_is_printed(machine: Machine, tmp_path: Path) -> None:
    Tool(machine)
    done = called(tmp_path, WITH_TICKET)
    assert done.exit_code == 0
    assert done.output == f"ticket for {HOST} until 2026-01-02 00:00 UTC\n"


def test_bot_with_a_key_needs_no_ticket(machine: Machine, tmp_path: Path) -> None:
    done = called(tmp_path, WITH_KEY)
    assert done.exit_code == 2
    assert "needs no ticket" in done.output
    assert machine.run.argvs == []


def test_refusal_fails_the_unit_and_is_recorded(machine: Machine, tmp_path: Path) -> None:
    """After retries for as long as the verb has; the journal gets the hint."""
    tool = Tool(machine)
    tool.refusal = refused("[-] Error calling AzAuthenticatorLib: -1")
    done = called(tmp_path, WITH_TICKET)
    assert done.exit_code == 1
    assert "SHARE_TICKET_REFUSED" in done.output
    assert "next: enable SMB OAuth" in done.output
    assert len(machine.clock.waits) > 3
    noted = json.loads(machine.files.read_text(TICKET_FILE) or "{}")
    assert noted["error"]["code"] == "SHARE_TICKET_REFUSED"
    assert machine.run.argvs.count(("systemctl", "start", TICKET_TIMER)) == 0
