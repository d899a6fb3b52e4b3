"""What goes wrong on purpose: a plan of faults by method, path and how often it was called."""

import re
import threading
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from tests.bench.arm.errors import ArmError, busy, unauthenticated
from tests.bench.azure.knobs import KnobError
from tests.bench.azure.messages import Request


class FaultKind(StrEnum):
    """What happens. The last group lets the request take effect first."""

    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    BUSY = "409"
    CONFLICT = "409-conflict"
    PRECONDITION = "412"
    THROTTLED = "429"
    INTERNAL = "500"
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    GATEWAY_TIMEOUT = "504"
    # the connection ends, or stays silent, and nothing was done
    RESET = "reset"
    TIMEOUT = "timeout"
    # the answer does not arrive, though the change is made
    RESET_AFTER = "reset-after"
    TIMEOUT_AFTER = "timeout-after"
    TRUNCATED = "truncated"
    # the long-running operation that the request starts
    LRO_FAILED = "lro-failed"
    LRO_CANCELED = "lro-canceled"
    LRO_STUCK = "lro-stuck"


_REFUSALS: Final = {
    FaultKind.FORBIDDEN: (403, "AuthorizationFailed", "The client does not have authorization."),
    FaultKind.NOT_FOUND: (404, "ResourceNotFound", "The Resource was not found."),
    FaultKind.CONFLICT: (409, "Conflict", "The request conflicts with another one."),
    FaultKind.PRECONDITION: (412, "PreconditionFailed", "The precondition given is not met."),
    FaultKind.THROTTLED: (429, "TooManyRequests", "The request is being throttled."),
    FaultKind.INTERNAL: (500, "InternalServerError", "The server encountered an internal error."),
    FaultKind.BAD_GATEWAY: (502, "BadGateway", "The upstream server could not be reached."),
    FaultKind.UNAVAILABLE: (503, "ServerUnavailable", "The service is temporarily unavailable."),
    FaultKind.GATEWAY_TIMEOUT: (504, "GatewayTimeout", "The gateway did not receive a response."),
}
_WITH_A_WAIT: Final = (FaultKind.THROTTLED, FaultKind.UNAVAILABLE)


@dataclass(slots=True)
class Fault:
    """One entry of the plan.

    Args:
        kind: what happens.
        method: only to this one; "*" is any.
        path: a regular expression found in the path, in any case.
        nth: the first of the matching requests that it happens to, counted from 1.
        times: to how many in a row.
        retry_after: seconds, said with a 429 or 503.
        seconds: of silence in a timeout; polls that an operation is stuck for.
        hits: how often it happened.
    """

    kind: FaultKind
    method: str = "*"
    path: str = "."
    nth: int = 1
    times: int = 1
    retry_after: int = 0
    seconds: float = 30.0
    hits: int = 0
    _seen: int = field(default=0, repr=False)

    def meets(self, request: Request) -> bool:
        """Count a request, and say whether it happens to this one."""
        if self.method not in ("*", request.method):
            return False
        if not re.search(self.path, request.path, re.IGNORECASE):
            return False
        self._seen += 1
        met = self.nth <= self._seen < self.nth + self.times
        self.hits += met
        return met

    def refusal(self) -> ArmError | None:
        """The error it is, when it is one."""
        if self.kind is FaultKind.UNAUTHORIZED:
            return unauthenticated(missing=False)
        if self.kind is FaultKind.BUSY:
            return busy("Microsoft.Bench/faults", "injected")
        if self.kind not in _REFUSALS:
            return None
        wait = (("Retry-After", str(self.retry_after)),) if self.kind in _WITH_A_WAIT else ()
        return ArmError(*_REFUSALS[self.kind], *wait)


class Faults:
    """The plan; at most one fault happens to a request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[Fault] = []

    def add(self, kind: FaultKind | str, **more: Any) -> Fault:  # noqa: ANN401 - as `Fault` takes it
        """Plan one; see `Fault` for what `more` may hold.

        Raises:
            ValueError: there is no such kind.
        """
        fault = Fault(FaultKind(kind), **more)
        with self._lock:
            self._planned.append(fault)
        return fault

    def replace(self, planned: list[dict[str, Any]]) -> None:
        """Plan these and no others.

        Raises:
            KnobError: one of them is not a mapping as `Fault` takes it.
        """
        try:
            faults = [Fault(**{**entry, "kind": FaultKind(entry["kind"])}) for entry in planned]
        except (TypeError, ValueError, KeyError) as error:
            message = f"faults: {error}"
            raise KnobError(message) from error
        with self._lock:
            self._planned = faults

    def clear(self) -> None:
        """Plan nothing."""
        self.replace([])

    def meet(self, request: Request) -> Fault | None:
        """What happens to this request."""
        with self._lock:
            # every one of them counts every request
            met = [fault for fault in self._planned if fault.meets(request)]
        return met[0] if met else None
