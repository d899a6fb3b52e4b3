import itertools
import threading
from collections.abc import Callable

import pytest

from clawbot_agent.core.errors import (
    BRIEF,
    NEVER,
    PATIENT,
    PROPAGATION,
    ClawbotError,
    InterruptedRunError,
    RetryPolicy,
)
from clawbot_agent.engine.retry import Wait, retrying
from clawbot_agent.host.limit import Limit
from tests.fakes import FakeClock
from tests.unit.engine.scripted import PassingError, SlowPassingError, StuckError


def failing(*errors: Exception) -> Callable[[int], str]:
    """An attempt that raises these in turn, then gives its number."""
    left = list(errors)

    def attempt(number: int) -> str:
        if left:
            raise left.pop(0)
        return f"attempt {number}"

    return attempt


def no_wait(wait: Wait) -> None:
    pytest.fail(f"waited for {wait.error}")


def limited(clock: FakeClock, seconds: float = 3600) -> Limit:
    return Limit(clock, clock.monotonic() + seconds)


def of(policy: RetryPolicy, code: str = "MADE_UP") -> type[ClawbotError]:
    return type("MadeUpError", (ClawbotError,), {"code": code, "retry": policy})


def test_success_needs_no_wait() -> None:
    clock = FakeClock()
    assert retrying(failing(), limit=limited(clock), on_wait=no_wait) == "attempt 1"
    assert clock.waits == []


def test_each_wait_is_reported_before_it_begins() -> None:
    clock, waits = FakeClock(), list[tuple[Wait, float]]()
    done = retrying(
        failing(PassingError("a"), SlowPassingError("b")),
        limit=limited(clock),
        on_wait=lambda wait: waits.append((wait, clock.monotonic())),
    )
    assert done == "attempt 3"
    assert [wait.error.code for wait, _ in waits] == ["PASSING", "SLOW_PASSING"]
    assert [wait.seconds for wait, _ in waits] == clock.waits
    assert waits[0][1] == 0


@pytest.mark.parametrize("error", [StuckError("no"), ZeroDivisionError(), KeyError("x")])
def test_permanent_error_ends_at_once(error: Exception) -> None:
    clock = FakeClock()
    with pytest.raises(type(error)):
        retrying(failing(error), limit=limited(clock), on_wait=no_wait)
    assert clock.waits == []


@pytest.mark.parametrize("policy", [BRIEF, PATIENT, PROPAGATION])
def test_waits_grow_stay_in_their_window_and_end_with_the_class(policy: RetryPolicy) -> None:
    """Never below half the window, never above it, and never longer than the class allows."""
    clock = FakeClock()
    errors = (of(policy)("again") for _ in itertools.count())

    def attempt(_number: int) -> str:
        raise next(errors)

    with pytest.raises(ClawbotError, match="again"):
        retrying(attempt, limit=limited(clock), on_wait=lambda _wait: None)
    for number, seconds in enumerate(clock.waits):
        window = min(policy.longest, policy.first * 2**number)
        assert window / 2 <= seconds <= window
    assert policy.within - policy.longest <= sum(clock.waits) <= policy.within
    assert len(set(clock.waits)) == len(clock.waits), "bots that fail together spread out"


def test_limit_caps_the_class() -> None:
    clock = FakeClock()
    errors = [SlowPassingError(str(number)) for number in range(1000)]
    with pytest.raises(SlowPassingError):
        retrying(failing(*errors), limit=limited(clock, 12), on_wait=lambda _wait: None)
    assert sum(clock.waits) <= 12


def test_time_of_attempts_counts() -> None:
    """45 seconds on one error are 45 seconds, even without a single wait."""
    clock = FakeClock()

    def attempt(_number: int) -> str:
        clock.advance(20)
        msg = "slowly"
        raise PassingError(msg)

    with pytest.raises(PassingError):
        retrying(attempt, limit=limited(clock), on_wait=lambda _wait: None)
    assert clock.monotonic() < BRIEF.within + 40


def test_each_error_class_has_its_own_time() -> None:
    """A long first error does not use up the second one's time."""
    clock = FakeClock()
    slow = [SlowPassingError("first") for _ in range(12)]
    done = retrying(
        failing(*slow, PassingError("then")), limit=limited(clock), on_wait=lambda _wait: None
    )
    assert done == "attempt 14"
    assert sum(clock.waits) > BRIEF.within


def test_never_means_never() -> None:
    assert not of(NEVER)("x").retryable
    assert of(BRIEF)("x").retryable


def test_interrupt_ends_a_wait() -> None:
    clock, canceled = FakeClock(), threading.Event()
    limit = Limit(clock, 100, canceled=canceled)
    with pytest.raises(InterruptedRunError):
        retrying(failing(PassingError("x")), limit=limit, on_wait=lambda _wait: canceled.set())
