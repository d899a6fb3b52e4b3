"""Several bots in parallel, and shared work done once."""

import itertools
import threading

import pytest

from clawbot_controller.errors import NotDeployedError
from clawbot_controller.operations.parallel import OncePerKey, for_each


def test_failure_of_one_bot_does_not_stop_others() -> None:
    def work(bot: str) -> str:
        if bot == "bad":
            msg = "no"
            raise NotDeployedError(msg)
        return bot.upper()

    outcomes = for_each({"a": "good", "b": "bad", "c": "fine"}, work)
    assert (outcomes["a"], outcomes["c"]) == ("GOOD", "FINE")
    assert isinstance(outcomes["b"], NotDeployedError)


def test_parallelism_is_limited() -> None:
    lock = threading.Lock()
    now, most = 0, 0
    gate = threading.Barrier(2)

    def work(_site: int) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        # passes only when two run at the same time
        gate.wait(timeout=10)
        with lock:
            now -= 1

    for_each({str(number): number for number in range(6)}, work, at_once=2)
    assert most == 2


def test_work_runs_in_daemon_threads() -> None:
    outcomes = for_each({"a": "a"}, lambda _site: threading.current_thread().daemon)
    assert outcomes == {"a": True}


def test_work_is_done_once_per_key() -> None:
    numbers = itertools.count()
    once = OncePerKey[str, int]()
    assert [once.get(key, lambda: next(numbers)) for key in ("a", "a", "b", "a")] == [0, 0, 1, 0]


def test_error_is_raised_for_every_caller_of_key() -> None:
    once = OncePerKey[str, str]()

    def fails() -> str:
        msg = "no"
        raise NotDeployedError(msg)

    for _ in range(2):
        with pytest.raises(NotDeployedError):
            once.get("a", fails)
