"""Commands without access to Azure work without the Azure SDK."""

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from clawbot_agent.config.documents import example_text
from clawbot_controller import cli

LIGHT = ("render", "check", "cost", "example", "schema")


def imported(module: str, seen: set[str]) -> set[str]:
    """Return the modules that importing a module imports, directly or not."""
    spec = find_spec(module)
    if module in seen or spec is None or spec.origin is None:
        return seen
    seen.add(module)
    if not module.startswith("clawbot_controller"):
        return seen
    for node in ast.parse(Path(spec.origin).read_text()).body:
        if isinstance(node, ast.Import):
            seen |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            imported(node.module, seen)
    return seen


@pytest.mark.parametrize("command", LIGHT)
def test_command_does_not_import_sdk(command: str) -> None:
    found = imported(f"clawbot_controller.cli.{cli.COMMANDS[command]}", set())
    assert [name for name in found if name.startswith("azure")] == []


@pytest.mark.parametrize("more", [(), ("bot.yaml",), ("--json", "bot.yaml")])
def test_other_command_without_sdk_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, more: tuple[str, ...]
) -> None:
    def absent(name: str) -> object:
        raise ModuleNotFoundError(name, name="azure.mgmt")

    monkeypatch.setattr(cli, "import_module", absent)
    (tmp_path / "bot.yaml").write_text(example_text())
    done = CliRunner().invoke(cli.main, ["plan", *more])
    assert done.exit_code == 1
    assert "pip install 'clawbot-agent[controller]'" in done.stderr
    assert CliRunner().invoke(cli.main, ["--help"]).exit_code == 0
