"""Several bots: each for itself, what they share once."""

import itertools
import threading

import pytest

from clawbot_controller.errors import NotDeployedError
from clawbot_controller.operations.fleet import OncePerKey, for_each


def test_one_that_fails_stops_no_other() -> None:
    def work(site: str) -> str:
        if site == "bad":
            msg = "no"
            raise NotDeployedError(msg)
        return site.upper()

    outcomes = for_each({"a": "good", "b": "bad", "c": "fine"}, work)
    assert (outcomes["a"], outcomes["c"]) == ("GOOD", "FINE")
    assert isinstance(outcomes["b"], NotDeployedError)


def test_no_more_at_once_than_allowed() -> None:
    lock = threading.Lock()
    now, most = 0, 0
    gate = threading.Barrier(2)

    def work(_site: int) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        # two are inside together, or this test would never end
        gate.wait(timeout=10)
        with lock:
            now -= 1

    for_each({str(number): number for number in range(6)}, work, at_once=2)
    assert most == 2


def test_an_interrupted_command_waits_for_none() -> None:
    outcomes = for_each({"a": "a"}, lambda _site: threading.current_thread().daemon)
    assert outcomes == {"a": True}


def test_the_first_does_it_for_all_of_its_key() -> None:
    numbers = itertools.count()
    once = OncePerKey[str, int]()
    assert [once.get(key, lambda: next(numbers)) for key in ("a", "a", "b", "a")] == [0, 0, 1, 0]


def test_an_error_of_the_first_is_everybodys() -> None:
    once = OncePerKey[str, str]()

    def fails() -> str:
        msg = "no"
        raise NotDeployedError(msg)

    for _ in range(2):
        with pytest.raises(NotDeployedError):
            once.get("a", fails)
