"""`clawbot-controller render`: the text on stdout, or an error and an exit code."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from clawbot_agent.config.documents import example_text
from clawbot_controller.cli import main

SOURCE = "https://github.com/o/r/releases/download/v1/a-1-x86_64.tar"


def render(tmp_path: Path, text: str, *, source: str = SOURCE, sha256: str = "AB" * 32) -> Result:
    file = tmp_path / "bot.yaml"
    file.write_text(text)
    argv = ["render", str(file), "--agent", source, "--sha256", sha256]
    return CliRunner().invoke(main, argv)


def test_render_prints_only_custom_data(tmp_path: Path) -> None:
    done = render(tmp_path, example_text())
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("#cloud-config\n")
    # PowerShell's Get-FileHash writes hashes in capitals
    assert "ab" * 32 in yaml.safe_load(done.stdout)["write_files"][2]["content"]


def test_invalid_configuration_is_reported_by_path(tmp_path: Path) -> None:
    done = render(tmp_path, "name: X\n")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "name: must be 3 to 32" in done.stderr


@pytest.mark.parametrize(
    ("source", "sha256"), [("ftp://x/a.tar", "ab" * 32), (SOURCE, "not hexadecimal")]
)
def test_invalid_source_is_reported_with_hint(tmp_path: Path, source: str, sha256: str) -> None:
    done = render(tmp_path, example_text(), source=source, sha256=sha256)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("AGENT_SOURCE_INVALID: ")
    assert "SHA256SUMS" in done.stderr
