from pathlib import Path

import pytest

from tests.support.workers import APART, FIRST, TOGETHER, bench_name, rank, scope

ROOT = Path(__file__).resolve().parents[3]
MODULE = "tests/machine/test_reboot.py"


@pytest.mark.parametrize("path", [*FIRST, *TOGETHER, *APART])
def test_the_paths_exist(path: str) -> None:
    """A renamed module would lose its place without an error."""
    assert (ROOT / path).exists()


def test_a_module_is_one_scope() -> None:
    assert scope(f"{MODULE}::test_one[a::b]") == scope(f"{MODULE}::test_two") == MODULE


def test_a_folder_can_be_one_scope() -> None:
    first, second = (f"{TOGETHER[0]}{name}.py::test_it" for name in ("test_a", "test_b"))
    assert scope(first) == scope(second) == TOGETHER[0]


def test_tests_of_some_modules_are_scopes_of_their_own() -> None:
    module = next(path for path in APART if path.endswith(".py"))
    assert scope(f"{module}::test_one") == f"{module}::test_one"
    assert scope(f"{module}::test_one") != scope(f"{module}::test_two")


def test_the_longest_modules_begin() -> None:
    ids = [f"{MODULE}::test_it", *(f"{path}::test_it" for path in FIRST)]
    assert sorted(ids, key=rank) == [*ids[1:], ids[0]]


def test_each_worker_has_its_own_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    assert bench_name() == "test"
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw1")
    assert bench_name() == "test-gw1"
    assert bench_name("first-run") == "first-run-gw1"
