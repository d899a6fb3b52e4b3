"""How Azure is reached: endpoints, credentials and retries. Tests replace all of it here."""

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import tenacity
from azure.core.credentials import TokenCredential
from azure.core.pipeline.policies import RetryPolicy
from azure.core.pipeline.transport import RequestsTransport

from clawbot_controller.azure.errors import AzureError

ARM_URL: Final = "https://management.azure.com"
# shows the operator one line
Report = Callable[[str], None]
_ResultT = TypeVar("_ResultT")
_CONNECT_SECONDS: Final = 15
_READ_SECONDS: Final = 90
_OPERATION_SECONDS: Final = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrier:
    """Retries calls; the error's class decides whether and for how long.

    Attributes:
        sleep: waits for a number of seconds.
        on_wait: called before each wait with the error and the seconds.
    """

    sleep: Callable[[float], None] = time.sleep
    on_wait: Callable[[AzureError, float], None] = lambda _error, _seconds: None

    def call(self, attempt: Callable[[], _ResultT], *, within: float | None = None) -> _ResultT:
        """Call `attempt` until it succeeds or its error's time is used up.

        Args:
            attempt: one attempt.
            within: upper bound for any error's time, in seconds.

        Raises:
            AzureError: the last one.
        """
        most = math.inf if within is None else within
        controller = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda e: isinstance(e, AzureError) and e.retryable),
            wait=_wait_seconds,
            # time slept, so that a long operation between the waits does not count
            stop=lambda state: (
                state.idle_for + state.upcoming_sleep > min(most, _error(state).retry.within)
            ),
            sleep=self.sleep,
            before_sleep=lambda state: self.on_wait(_error(state), state.upcoming_sleep),
            reraise=True,
        )
        return controller(attempt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """Azure, as one operator reaches it.

    Attributes:
        credential: the operator's.
        arm_url: base URL of Azure Resource Manager.
        vault_suffix: DNS suffix of Key Vault.
        verify: CA bundle for TLS; True = this computer's.
        poll_seconds: interval between polls of a long-running operation, unless Azure sets one.
        operation_seconds: maximum time to wait for a long-running operation.
        sleep: waits for a number of seconds.
    """

    credential: TokenCredential
    arm_url: str = ARM_URL
    vault_suffix: str = "vault.azure.net"
    verify: bool | str = True
    poll_seconds: float = 5
    operation_seconds: float = _OPERATION_SECONDS
    sleep: Callable[[float], None] = time.sleep

    def options(self) -> dict[str, Any]:
        """Return the arguments for every client of the SDK, whose own retries are off."""
        return {
            "transport": _Transport(self.sleep, self.verify),
            "retry_policy": RetryPolicy.no_retries(),
        }

    def retrier(self, report: Report) -> Retrier:
        """Return a retrier that reports its waits."""

        def on_wait(error: AzureError, seconds: float) -> None:
            report(f"waiting {seconds:.0f} s: {error.code}: {error.message}")

        return Retrier(sleep=self.sleep, on_wait=on_wait)


class _Transport(RequestsTransport):  # type: ignore[misc]  # azure-core exports it lazily
    """The SDK's transport with a replaceable sleep, for polls of long-running operations."""

    def __init__(self, sleep: Callable[[float], None], verify: bool | str) -> None:  # noqa: FBT001 - as requests takes it
        super().__init__(
            connection_verify=verify,
            connection_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
        )
        self._sleep = sleep

    def sleep(self, duration: float) -> None:
        """Wait between two polls."""
        self._sleep(duration)


def _error(state: tenacity.RetryCallState) -> AzureError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, AzureError)  # noqa: S101 - only these are retried
    return error


def _wait_seconds(state: tenacity.RetryCallState) -> float:
    error = _error(state)
    window = min(error.retry.longest, error.retry.first * 2 ** (state.attempt_number - 1))
    jittered = random.uniform(window / 2, window)  # noqa: S311 - jitter, not a secret
    return max(jittered, error.wait or 0)
