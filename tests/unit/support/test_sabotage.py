"""The sabotage script names existing tests."""

import ast
from pathlib import Path
from typing import Final

import pytest

from tests.support import sabotage

_FINISHED: Final = Path(__file__).resolve().parents[2] / "machine/finished"
_TESTS: Final = tuple(
    node.name
    for path in sorted(_FINISHED.glob("test_*.py"))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
)


@pytest.mark.parametrize("name", sorted({damage.noticed_by for damage in sabotage.DAMAGES}))
def test_each_damage_selects_exactly_one_test(name: str) -> None:
    """As `pytest -k` does: by a part of the name."""
    assert len([test for test in _TESTS if name in test]) == 1
