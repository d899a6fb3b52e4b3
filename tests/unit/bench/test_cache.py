import threading
from pathlib import Path

import pytest

from tests.bench.cache import Cache, digest


def _nothing(_target: Path) -> None:
    """Build an empty entry."""


def test_entry_is_built_once_and_reused(tmp_path: Path) -> None:
    built: list[Path] = []

    def build(target: Path) -> None:
        built.append(target)
        (target / "thing").write_text("made")

    cache = Cache(tmp_path / "cache")
    first = cache.get("kind", {"version": "1"}, build)
    assert cache.get("kind", {"version": "1"}, build) == first
    assert (first / "thing").read_text() == "made"
    assert len(built) == 1


def test_different_inputs_give_a_different_entry(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    one = cache.get("kind", ["a", "b"], _nothing)
    assert cache.get("kind", ["ab"], _nothing) != one


def test_digest_depends_on_the_order_of_a_list_but_not_of_a_mapping() -> None:
    assert digest({"a": "1", "b": "2"}) == digest({"b": "2", "a": "1"})
    assert digest(["a", "b"]) != digest(["b", "a"])


def test_failed_build_leaves_no_entry_and_can_be_repeated(tmp_path: Path) -> None:
    def fail(target: Path) -> None:
        (target / "half").write_text("done")
        raise KeyboardInterrupt

    cache = Cache(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        cache.get("kind", ["x"], fail)
    entry = cache.get("kind", ["x"], _nothing)
    assert not any(entry.iterdir())


def test_build_replaces_what_a_killed_builder_left_of_the_same_entry(tmp_path: Path) -> None:
    partial = tmp_path / f".kind-{digest(['x'])}.partial"
    partial.mkdir()
    (partial / "half").write_text("done")
    entry = Cache(tmp_path).get("kind", ["x"], _nothing)
    assert not any(entry.iterdir())
    assert not partial.exists()


def test_build_deletes_what_a_killed_builder_left_of_another_entry(tmp_path: Path) -> None:
    partial = tmp_path / f".kind-{digest(['last week'])}.partial"
    partial.mkdir()
    (partial / "half").write_text("done")
    Cache(tmp_path).get("kind", ["this week"], _nothing)
    assert not partial.exists()


def test_build_keeps_the_partial_entry_of_a_running_builder(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    def build(target: Path) -> None:
        (target / "half").write_text("done")
        cache.get("kind", ["other"], _nothing)

    entry = cache.get("kind", ["x"], build)
    assert (entry / "half").read_text() == "done"


def test_second_builder_waits_for_the_first_and_uses_its_entry(tmp_path: Path) -> None:
    started, go_on = threading.Event(), threading.Event()
    built: list[str] = []

    def slow(_target: Path) -> None:
        built.append("slow")
        started.set()
        assert go_on.wait(timeout=10)

    cache = Cache(tmp_path)
    first = threading.Thread(target=cache.get, args=("kind", ["x"], slow))
    second = threading.Thread(
        target=cache.get, args=("kind", ["x"], lambda _target: built.append("second"))
    )
    first.start()
    assert started.wait(timeout=10)
    second.start()
    go_on.set()
    first.join()
    second.join()
    assert built == ["slow"]
