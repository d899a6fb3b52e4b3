"""`clawbot-agent config …` as an operator sees it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from clawbot_agent.cli.config import config_group
from clawbot_agent.config.problems import Problem, path_of, shown


def test_check_prints_ok(tmp_path: Path) -> None:
    runner = CliRunner()
    path = tmp_path / "config.yaml"
    path.write_text(runner.invoke(config_group, ["example"]).stdout)
    result = runner.invoke(config_group, ["check", str(path)])
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{path}: ok\n", "")


def test_check_exits_2_with_problems_on_stderr(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("name: 3\n")
    result = CliRunner().invoke(config_group, ["check", str(path)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[0] == "name: must be text, not 3 (put it in quotes)"
    assert len(result.stderr.splitlines()) == 3


def test_show_fills_in_defaults(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CliRunner().invoke(config_group, ["example"]).stdout)
    result = CliRunner().invoke(config_group, ["show", str(path)])
    assert result.exit_code == 0
    assert "bip: 172.20.0.1/16" in result.stdout
    missing = CliRunner().invoke(config_group, ["show", str(tmp_path / "none")])
    assert missing.exit_code == 2


def test_schema_prints_json() -> None:
    assert "$id" in json.loads(CliRunner().invoke(config_group, ["schema"]).stdout)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\n\x1b", r"'a\n\x1b'"),
        ("x" * 100, f"'{'x' * 60}'…"),
        ({}, "a mapping"),
        ([], "a list"),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        (object(), "a object"),
    ],
)
def test_values_are_shown_short_and_on_one_line(value: object, text: str) -> None:
    assert shown(value) == text


def test_integer_python_refuses_to_print_is_still_shown() -> None:
    assert shown(10**5000) == "a very large number"


def test_paths_join_keys_and_indexes() -> None:
    assert path_of(("a", 0, "b c", "d")) == "a[0].'b c'.d"
    assert str(Problem("a.b", "is required")) == "a.b: is required"
