"""The controller shares the configuration with the agent, and nothing else."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[3]
SHARED: Final = ("clawbot_agent.config", "clawbot_agent.core.errors")
CONTROLLER: Final = sorted((ROOT / "controller").rglob("*.py"))
AGENT: Final = sorted((ROOT / "agent").rglob("*.py"))
LONGEST_MODULE: Final = 300
LONGEST_FUNCTION: Final = 40


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield str(node.module)


def is_shared(name: str) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in SHARED)


@pytest.mark.parametrize("path", CONTROLLER, ids=lambda path: path.stem)
def test_the_controller_knows_the_configuration_only(path: Path) -> None:
    of_agent = [name for name in imports(path) if name.startswith("clawbot_agent")]
    assert [name for name in of_agent if not is_shared(name)] == []


def test_the_agent_does_not_know_the_controller() -> None:
    knowing = [str(path) for path in AGENT if any("clawbot_controller" in n for n in imports(path))]
    assert knowing == []


@pytest.mark.parametrize("path", CONTROLLER, ids=lambda path: path.stem)
def test_small_rooms(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) < LONGEST_MODULE
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    assert {name for name, length in lengths.items() if length >= LONGEST_FUNCTION} == set()
