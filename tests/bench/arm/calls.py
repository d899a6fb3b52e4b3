"""A parsed request, and the answers for long-running operations."""

import json
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from tests.bench.arm.errors import ArmError, bad, conflict
from tests.bench.arm.faults import Fault
from tests.bench.arm.operations import Operation
from tests.bench.arm.paths import Target
from tests.bench.arm.world import Resource, World
from tests.bench.azure import LOCATION
from tests.bench.azure.messages import Reply, Request
from tests.bench.azure.tokens import Token


class Style(Enum):
    """How a kind answers requests that start long-running operations."""

    # synchronously
    PROMPT = auto()
    # Azure-AsyncOperation; Location if the resource is gone afterwards
    ASYNC = auto()
    # an empty 202, with a Location that finally returns the resource
    LOCATION = auto()
    # the resource itself has the state
    BODY = auto()


@dataclass(frozen=True, slots=True)
class Call:
    """A parsed request.

    Args:
        world: what exists.
        request: as received.
        target: of its path.
        token: the caller's.
        fault: of the operation that it starts.
    """

    world: World
    request: Request
    target: Target
    token: Token
    fault: Fault | None = None

    def json(self) -> dict[str, Any]:
        """Return the body.

        Raises:
            ArmError: not a JSON object.
        """
        try:
            content = json.loads(self.request.body or b"{}")
        except ValueError as error:
            raise bad(f"The request content was invalid: {error}") from error
        if not isinstance(content, dict):
            raise bad("The request content must be an object.")
        return content

    def url(self, path: str) -> str:
        """Return the URL of a path of this service."""
        return f"https://{self.request.headers.get('host', self.request.host)}{path}"


def merged(old: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Merge a change: objects by key (null removes), other values as a whole."""
    result = dict(old)
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = merged(result[name], value)
        else:
            result[name] = value
    return result


def accepted(call: Call, operation: Operation, *, with_status: bool = True) -> Reply:
    """Return the empty 202 of an operation."""
    headers = operation_headers(call, operation) if with_status else ()
    wait = () if with_status else (retry_after(call),)
    return Reply(202, (*headers, ("Location", _where(call, "operationResults", operation)), *wait))


def operation_headers(call: Call, operation: Operation) -> tuple[tuple[str, str], ...]:
    """Return the headers with URL and delay for polling an operation."""
    return ("Azure-AsyncOperation", _where(call, "operations", operation)), retry_after(call)


def retry_after(call: Call) -> tuple[str, str]:
    """Return the delay until the next poll."""
    return "Retry-After", str(call.world.knobs["lro_retry_after"])


def same_location(new: dict[str, Any], old: Resource | None) -> None:
    """Refuse to move a resource.

    Raises:
        ArmError: 409 InvalidResourceLocation.
    """
    before = old.content.get("location", LOCATION) if old else None
    if before is not None and plain(new.get("location", before)) != plain(before):
        raise conflict(
            "InvalidResourceLocation",
            f"The resource already exists in location '{before}'. A resource with the same name "
            f"cannot be created in location '{new['location']}'.",
        )


def plain(location: str) -> str:
    """Return a location as an identifier: "East US" is "eastus"."""
    return location.replace(" ", "").lower()


def check_precondition(call: Call, old: Resource | None) -> None:
    """Check If-Match and If-None-Match.

    Raises:
        ArmError: 412.
    """
    wanted, unwanted = (call.request.headers.get(name) for name in ("if-match", "if-none-match"))
    etag = f'W/"{old.etag}"' if old else None
    fails = (wanted not in {None, "*", etag}) or (wanted is not None and old is None)
    if fails or (unwanted == "*" and old is not None):
        raise ArmError(
            412, "PreconditionFailed", "The precondition given in the request is not met."
        )


def _where(call: Call, what: str, operation: Operation) -> str:
    namespace = call.target.type_name.partition("/")[0]
    version = call.request.parameter("api-version")
    path = f"/subscriptions/{call.target.subscription}/providers/{namespace}/locations/{LOCATION}"
    return call.url(f"{path}/{what}/{operation.id}?api-version={version}")
