"""The report of a drill."""

from tests.drills.report import Report


def test_table_lists_broken_promises() -> None:
    lines: list[str] = []
    report = Report("flood", lines.append)
    report.figure("dry again after", 12.34)
    report.figure("depth", "2 m")
    report.demand(kept=True, promise="the roof holds")
    assert report.table().splitlines()[-1] == "all promises kept"
    report.demand(kept=False, promise="the cellar stays dry")
    assert report.broken == ["the cellar stays dry"]
    assert report.table().splitlines() == [
        "## flood",
        "dry again after  12.3 s",
        "depth            2 m",
        "BROKEN: the cellar stays dry",
    ]
    assert len(lines) == 3
