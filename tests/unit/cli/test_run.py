"""`run` on an instance that is shutting down."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from clawbot_agent import host
from clawbot_agent.cli import run as verb
from clawbot_agent.records.shutdown import SHUTDOWN, ShutdownPhase, ShutdownReport
from tests.fakes import FakeFiles, fake_host

CONFIG = """\
name: my-bot
azure: {client_id: 11111111-2222-3333-4444-555555555555, key_vault: my-vault}
"""


def test_run_changes_nothing_during_a_shutdown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 4, which the units accept, and the reason."""
    files = FakeFiles()
    leaving = ShutdownReport(
        phase=ShutdownPhase.FLUSHING, kind="Terminate", updated=files.clock.now()
    )
    SHUTDOWN.save(files, leaving)
    files.writes.clear()
    monkeypatch.setattr(host, "system_host", lambda **_options: fake_host(files=files))
    monkeypatch.setattr(verb, "require_root", lambda: None)
    monkeypatch.setattr(verb, "LOCK_FILE", tmp_path / "run.lock")
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    done = CliRunner().invoke(verb.run, ["--config", str(config)])
    assert done.exit_code == 4
    reason = "this instance is shutting down: Terminate under way, flushing"
    assert f"INSTANCE_LEAVING: {reason}\nnext: " in done.output
    assert files.writes == []
