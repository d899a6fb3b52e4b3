import pytest

from tests.bench.azure.knobs import KnobError, Knobs


def knobs() -> Knobs:
    return Knobs(script=[], delay=0.0, down=False, count=0)


def test_change_keeps_other_values() -> None:
    subject = knobs()
    subject.change({"delay": 2})
    assert subject.snapshot() == {"script": [], "delay": 2, "down": False, "count": 0}


@pytest.mark.parametrize(
    "state",
    [{"typo": 1}, {"script": 500}, {"down": 1}, {"delay": True}, {"delay": "1"}, {"count": 1.5}],
    ids=str,
)
def test_invalid_change_changes_nothing(state: dict[str, object]) -> None:
    subject = knobs()
    with pytest.raises(KnobError):
        subject.change({"down": True, **state})
    assert subject["down"] is False


def test_script_is_consumed_in_order() -> None:
    subject = knobs()
    subject.change({"script": [410, 500]})
    assert [subject.next_status() for _ in range(3)] == [410, 500, None]


def test_reset_restores_the_defaults() -> None:
    subject = knobs()
    subject.change({"script": [500], "down": True})
    subject.reset()
    assert subject.snapshot() == {"script": [], "delay": 0.0, "down": False, "count": 0}


def test_snapshot_is_a_copy() -> None:
    subject = knobs()
    subject.snapshot()["script"].append(500)
    assert subject["script"] == []
