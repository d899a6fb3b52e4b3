"""Deliberate faults, planned by method, path and number of the request."""

import re
import threading
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from tests.bench.arm.errors import ArmError, busy, unauthenticated
from tests.bench.azure.knobs import KnobError
from tests.bench.azure.messages import Request


class FaultKind(StrEnum):
    """Kinds of faults. In the last group the request takes effect first."""

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
    # the connection is closed or stays silent, without an effect of the request
    RESET = "reset"
    TIMEOUT = "timeout"
    # the change is made, but the answer does not arrive
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
    """A planned fault.

    Args:
        kind: of the fault.
        method: of the requests; "*" = any.
        path: regular expression to find in the path, ignoring case.
        nth: first affected request among the matching ones, from 1.
        times: number of affected requests in a row.
        retry_after: seconds, sent with a 429 or 503.
        seconds: of silence in a timeout; number of polls of a stuck operation.
        hits: number of affected requests so far.
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
        """Count a request; return whether the fault affects it."""
        if self.method not in ("*", request.method):
            return False
        if not re.search(self.path, request.path, re.IGNORECASE):
            return False
        self._seen += 1
        met = self.nth <= self._seen < self.nth + self.times
        self.hits += met
        return met

    def refusal(self) -> ArmError | None:
        """Return the error, if the fault is one."""
        if self.kind is FaultKind.UNAUTHORIZED:
            return unauthenticated(missing=False)
        if self.kind is FaultKind.BUSY:
            return busy("Microsoft.Bench/faults", "injected")
        if self.kind not in _REFUSALS:
            return None
        wait = (("Retry-After", str(self.retry_after)),) if self.kind in _WITH_A_WAIT else ()
        return ArmError(*_REFUSALS[self.kind], *wait)


class Faults:
    """The planned faults; at most one affects a request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[Fault] = []

    def add(self, kind: FaultKind | str, **more: Any) -> Fault:  # noqa: ANN401 - as `Fault` takes it
        """Plan a fault; `more` has attributes of `Fault`.

        Raises:
            ValueError: unknown kind.
        """
        fault = Fault(FaultKind(kind), **more)
        with self._lock:
            self._planned.append(fault)
        return fault

    def replace(self, planned: list[dict[str, Any]]) -> None:
        """Replace the plan.

        Raises:
            KnobError: an entry is not a mapping of attributes of `Fault`.
        """
        try:
            faults = [Fault(**{**entry, "kind": FaultKind(entry["kind"])}) for entry in planned]
        except (TypeError, ValueError, KeyError) as error:
            message = f"faults: {error}"
            raise KnobError(message) from error
        with self._lock:
            self._planned = faults

    def clear(self) -> None:
        """Remove all planned faults."""
        self.replace([])

    def meet(self, request: Request) -> Fault | None:
        """Return the fault that affects this request."""
        with self._lock:
            # every fault counts every request
            met = [fault for fault in self._planned if fault.meets(request)]
        return met[0] if met else None
