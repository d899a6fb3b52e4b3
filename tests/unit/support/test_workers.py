"""The distribution over pytest-xdist's workers names existing files."""

from pathlib import Path
from typing import Final

import pytest

from tests.support import workers

_ROOT: Final = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("path", [*workers.FIRST, *workers.TOGETHER, *workers.APART])
def test_path_exists(path: str) -> None:
    """A renamed module would silently lose its place."""
    assert (_ROOT / path).exists()


def test_first_modules_start_before_all_others() -> None:
    ranks = [workers.rank(f"{path}::test_name") for path in workers.FIRST]
    assert ranks == sorted(ranks)
    assert max(ranks) < workers.rank("tests/machine/test_sidecar.py::test_name")


@pytest.mark.parametrize("folder", workers.TOGETHER)
def test_tests_of_one_machine_have_one_scope(folder: str) -> None:
    scopes = {workers.scope(f"{folder}test_{name}.py::test_name") for name in ("files", "agent")}
    assert scopes == {folder}
