"""`run` on an instance that Azure is about to take away."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from clawbot_agent import host
from clawbot_agent.cli import run as verb
from clawbot_agent.core.paths import SCHEDULED_EVENTS_FILE
from clawbot_agent.lifecycle.shutdown.report import EventsReport, Phase
from tests.fakes import FakeFiles, fake_host

CONFIG = """\
name: my-bot
azure: {client_id: 11111111-2222-3333-4444-555555555555, key_vault: my-vault}
"""


def test_nothing_is_started_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 4, with which the units are content; an operator is told why."""
    files = FakeFiles()
    leaving = EventsReport(phase=Phase.FLUSHING, kind="Terminate", updated=files.clock.now())
    files.put(SCHEDULED_EVENTS_FILE, leaving.document())
    monkeypatch.setattr(host, "system_host", lambda **_options: fake_host(files=files))
    monkeypatch.setattr(verb, "require_root", lambda: None)
    monkeypatch.setattr(verb, "LOCK_FILE", tmp_path / "run.lock")
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    done = CliRunner().invoke(verb.run, ["--config", str(config)])
    assert done.exit_code == 4
    assert "INSTANCE_LEAVING: this instance leaves: Terminate under way, flushing" in done.output
    assert files.writes == []
