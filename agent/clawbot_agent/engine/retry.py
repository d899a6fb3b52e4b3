"""Retries: the error's class says for how long, the limit ends them."""

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from clawbot_agent.core.errors import ClawbotError, DeadlineExceededError
from clawbot_agent.host.limit import Limit

__all__ = ["Wait", "retrying", "with_cause"]

_ResultT = TypeVar("_ResultT")


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause before the next attempt, and its reason."""

    attempt: int
    seconds: float
    error: ClawbotError


def _error(state: tenacity.RetryCallState) -> ClawbotError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, ClawbotError)  # noqa: S101 - only these are retried
    return error


def _pause(state: tenacity.RetryCallState) -> float:
    policy = _error(state).retry
    window = min(policy.longest, policy.first * 2 ** (state.attempt_number - 1))
    # at least half the window: a random wait near zero would be no wait
    return random.uniform(window / 2, window)  # noqa: S311 - jitter, not a secret


def retrying(
    attempt: Callable[[int], _ResultT], *, limit: Limit, on_wait: Callable[[Wait], None]
) -> _ResultT:
    """Call `attempt(number)` until it succeeds or its error is not worth a retry.

    Args:
        attempt: called with the number of the attempt, from 1.
        limit: no wait goes beyond it.
        on_wait: called before each wait.

    Raises:
        ClawbotError: the last one.
    """
    # one class of error may last for `within` seconds, counted from its first appearance
    first_seen: dict[str, float] = {}

    def stop(state: tenacity.RetryCallState) -> bool:
        error = _error(state)
        now = limit.clock.monotonic()
        since = now - first_seen.setdefault(error.code, now)
        patience = min(error.retry.within - since, limit.remaining())
        return state.upcoming_sleep >= patience

    def before_sleep(state: tenacity.RetryCallState) -> None:
        on_wait(Wait(state.attempt_number, state.upcoming_sleep, _error(state)))

    numbers = itertools.count(1)
    controller = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda e: isinstance(e, ClawbotError) and e.retryable),
        wait=_pause,
        stop=stop,
        sleep=limit.sleep,
        before_sleep=before_sleep,
        reraise=True,
    )
    return controller(lambda: attempt(next(numbers)))


def with_cause(error: ClawbotError, waits: Sequence[Wait]) -> ClawbotError:
    """Return `error`; a deadline that ended a wait gets the last error as its cause."""
    if not isinstance(error, DeadlineExceededError) or not waits:
        return error
    last = waits[-1].error
    msg = f"{error.message}; the last error was {last.code}: {last.message}"
    return DeadlineExceededError(msg, hint=last.hint)
