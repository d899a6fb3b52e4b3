from pathlib import Path

import pytest

from tests.support.suite_times import Suite, clock, counts, lines, table, written

UNIT = Suite("unit", 71.4, "2026-11-27", 2, tests=2000, skipped=3)
LINT = Suite("lint", 4.0, "2026-11-27", 2)
REPORT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites>
<testsuite name="pytest" errors="0" failures="0" skipped="2" tests="7" time="1.5"/>
</testsuites>
"""


def test_a_suite_is_remembered(tmp_path: Path) -> None:
    UNIT.save(folder=tmp_path / "results")
    assert Suite.load("unit", folder=tmp_path / "results") == UNIT
    assert Suite.load("lint", folder=tmp_path / "results") is None


def test_tests_are_counted_by_pytests_report(tmp_path: Path) -> None:
    (tmp_path / "unit.xml").write_text(REPORT)
    assert counts(tmp_path / "unit.xml") == (7, 2)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (754, "12 min 34 s")]
)
def test_a_time_is_in_minutes(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_the_end_of_make_test() -> None:
    failed = Suite("contract", 100, "2026-11-27", 2, tests=5, code=1)
    assert lines([LINT, UNIT, failed]) == [
        "lint           4 s",
        "unit      1 min 11 s  2000, 3 skipped",
        "contract  1 min 40 s  5  FAILED",
        "in all    2 min 55 s",
    ]


def test_the_table_takes_its_place_in_the_document() -> None:
    begin = "<!-- begin: suite times, by `python3 -m tests.support.suite_times write` -->"
    end = "<!-- end: suite times -->"
    document = f"Before.\n\n{begin}\nold\n{end}\n\nAfter.\n"
    found = written(document, [LINT, UNIT])
    assert found == f"Before.\n\n{begin}\n\n{table([LINT, UNIT])}\n\n{end}\n\nAfter.\n"
    assert written(found, [LINT, UNIT]) == found
    assert "| `unit` | 1 min 11 s | 2000, 3 skipped | 2 | 2026-11-27 |" in found


def test_a_document_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="has no lines"):
        written("Nothing here.\n", [UNIT])
