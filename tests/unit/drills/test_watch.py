"""The check of samples of two instances."""

from typing import Any

from tests.drills.report import Report
from tests.drills.two_instances import never_both
from tests.drills.watch import Round, Watch


def _sample(*, gateways: int = 0, mounted: bool = False) -> dict[str, Any]:
    return {"gateways": gateways, "mounted": mounted}


def _judged(*rounds: dict[str, dict[str, Any]]) -> Report:
    watch = Watch()
    watch.rounds += [Round(float(at), samples) for at, samples in enumerate(rounds)]
    report = Report("two", lambda _line: None)
    never_both(watch, report)
    return report


def test_one_instance_after_the_other_is_accepted() -> None:
    serving, idle = _sample(gateways=1, mounted=True), _sample()
    report = _judged({"a": serving, "b": idle}, {"b": idle}, {"b": serving})
    assert report.broken == []
    assert report.figures["samples"] == "3, 1 of them on both instances"


def test_two_gateways_at_the_same_time_break_the_promise() -> None:
    report = _judged({"a": _sample(gateways=1), "b": _sample(gateways=1)})
    assert report.broken == ["never two gateways"]


def test_two_mounts_at_the_same_time_break_the_promise() -> None:
    report = _judged({"a": _sample(mounted=True), "b": _sample(mounted=True)})
    assert report.broken == ["never two mounts of the state directory"]
