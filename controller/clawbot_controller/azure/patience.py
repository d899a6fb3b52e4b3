"""Trying again: whether and how long is up to the error's class."""

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from clawbot_controller.azure.errors import AzureError

__all__ = ["Patience"]

_ResultT = TypeVar("_ResultT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How waits are made.

    Attributes:
        sleep: waits so many seconds.
        on_wait: told before each wait, with the error and the seconds.
    """

    sleep: Callable[[float], None] = time.sleep
    on_wait: Callable[[AzureError, float], None] = lambda _error, _seconds: None

    def retrying(self, attempt: Callable[[], _ResultT], *, within: float | None = None) -> _ResultT:
        """Call `attempt` until it succeeds or its error is not worth waiting for.

        No error is worth more than `within` seconds.

        Raises:
            AzureError: the last one.
        """
        most = math.inf if within is None else within
        controller = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda e: isinstance(e, AzureError) and e.retryable),
            wait=_pause,
            # by the time that was slept: a long operation in between is no impatience
            stop=lambda state: (
                state.idle_for + state.upcoming_sleep > min(most, _error(state).retry.within)
            ),
            sleep=self.sleep,
            before_sleep=lambda state: self.on_wait(_error(state), state.upcoming_sleep),
            reraise=True,
        )
        return controller(attempt)


def _error(state: tenacity.RetryCallState) -> AzureError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, AzureError)  # noqa: S101 - only these are retried
    return error


def _pause(state: tenacity.RetryCallState) -> float:
    error = _error(state)
    window = min(error.retry.longest, error.retry.first * 2 ** (state.attempt_number - 1))
    jittered = random.uniform(window / 2, window)  # noqa: S311 - jitter, not a secret
    return max(jittered, error.wait or 0)
