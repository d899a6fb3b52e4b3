"""Azure Resource Manager, at management.azure.com.

Shapes: ARM's resource provider contract (Azure/azure-resource-manager-rpc), and what the azure-mgmt
clients send and expect; bodies by Microsoft's schemas, see `schema`.

Knobs: ``script`` (statuses for the next requests that carry a valid token), ``forbidden_for``
(seconds of 403 AuthorizationFailed, counted from the first such request after it was set),
``retry_after`` (seconds, sent with a 429 or 5xx), ``down`` (connections are dropped), ``faults``
(the plan, with attributes of `faults.Fault`), ``lro_polls`` (polls until an operation ends) and
``lro_retry_after`` (seconds), ``denied`` (patterns of actions that operators may not do),
``propagation`` (seconds until a role assignment works), ``directory_delay`` (seconds until the
directory knows a new identity), ``unregistered`` (providers), ``unavailable_sizes``. ``accounts``
is a mapping of storage account in `RESOURCE_GROUP` to its two keys; null deletes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.bench.arm import seeds
from tests.bench.arm.calls import Call
from tests.bench.arm.errors import ArmError, conflict, unauthenticated
from tests.bench.arm.faults import Fault, FaultKind, Faults
from tests.bench.arm.gate import check_right, check_version, refused
from tests.bench.arm.instance_actions import BLOBS
from tests.bench.arm.kinds import Kind
from tests.bench.arm.operations import Status
from tests.bench.arm.paths import GROUPS, SUBSCRIPTIONS, Target, parse
from tests.bench.arm.providers import KINDS, PROVIDERS
from tests.bench.arm.world import World
from tests.bench.azure import SUBSCRIPTION_ID
from tests.bench.azure.knobs import Knobs
from tests.bench.azure.messages import DROP, Reply, Request, json_reply
from tests.bench.azure.tokens import Token, TokenBook

AUDIENCES: Final = ("https://management.azure.com", "https://management.core.windows.net")
_REASONS: Final = {
    429: ("TooManyRequests", "The request is being throttled."),
    500: ("InternalServerError", "The server encountered an internal error."),
    503: ("ServerUnavailable", "The service is temporarily unavailable."),
}
_SILENT: Final = (FaultKind.RESET, FaultKind.TIMEOUT)
_OPERATIONS: Final = ("operations", "operationresults")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request and the status of its answer; 0 is a dropped connection.

    Args:
        caller: the token's client id, "" if it is missing or invalid.
    """

    method: str
    path: str
    query: str
    body: bytes = field(repr=False)
    status: int
    caller: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        """The parsed body."""
        return json.loads(self.body)


class Arm:
    """The service at management.azure.com.

    Args:
        tokens: the issued tokens.
        world: what exists.
    """

    def __init__(self, tokens: TokenBook, world: World) -> None:
        self.world = world
        self.requests: list[Recorded] = []
        self._tokens = tokens
        self._first_refused: float | None = None
        world.kinds = {kind.name.lower(): kind for kind in KINDS}

    @property
    def knobs(self) -> Knobs:
        """The planned faults."""
        return self.world.knobs

    @property
    def faults(self) -> Faults:
        """The planned faults."""
        return self.world.faults

    def change(self, state: Mapping[str, object]) -> None:
        """Apply a state change.

        Raises:
            KnobError: invalid knob, or ``accounts`` is not a mapping of names to two keys or null.
        """
        knobs = {name: value for name, value in state.items() if name != "accounts"}
        accounts = seeds.checked(state.get("accounts", {}))
        self.knobs.change(knobs)
        if "faults" in knobs:
            self.faults.replace(self.knobs["faults"])
        with self.world.lock:
            if "forbidden_for" in knobs:
                self._first_refused = None
            for name, keys in accounts.items():
                seeds.seed_account(self.world, name, keys)

    def snapshot(self) -> dict[str, object]:
        """Return the knobs, the names of the accounts and the ids of all resources."""
        with self.world.lock:
            ids = [item.id for item in self.world.resources.values()]
            accounts = sorted(item.name for item in seeds.accounts(self.world))
        return {**self.knobs.snapshot(), "accounts": accounts, "resources": ids}

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        if self.knobs["down"]:
            return DROP
        if request.path.startswith(BLOBS):
            return self._blob(request)
        token = self._tokens.find(request.bearer() or "")
        fault = self.faults.meet(request)
        reply = self._under(fault, request, token)
        self.requests.append(
            Recorded(
                method=request.method,
                path=request.path,
                query=request.query,
                body=request.body,
                status=reply.status,
                caller=token.client_id if token else "",
            )
        )
        return reply

    def _under(self, fault: Fault | None, request: Request, token: Token | None) -> Reply:
        kind = fault.kind if fault else None
        if fault and kind in _SILENT:
            self.world.closing.wait(fault.seconds if kind is FaultKind.TIMEOUT else 0)
            return DROP
        refusal = fault.refusal() if fault else None
        reply = refusal.reply() if refusal else self._answered(fault, request, token)
        if fault and kind is FaultKind.TIMEOUT_AFTER:
            self.world.closing.wait(fault.seconds)
        if kind in {FaultKind.RESET_AFTER, FaultKind.TIMEOUT_AFTER}:
            return DROP
        if kind is FaultKind.TRUNCATED and isinstance(reply.body, bytes):
            return Reply(reply.status, reply.headers, reply.body, stop_after=len(reply.body) // 2)
        return reply

    def _answered(self, fault: Fault | None, request: Request, token: Token | None) -> Reply:
        try:
            if token is None or token.audience not in AUDIENCES:
                raise unauthenticated(missing=request.bearer() is None)
            self._scripted(request, token)
            with self.world.lock:
                target = parse(request.path)
                return self._route(Call(self.world, request, target, token, fault))
        except ArmError as error:
            return error.reply()

    def _scripted(self, request: Request, token: Token) -> None:
        status = self.knobs.next_status()
        if status == 403 or (status is None and self._still_forbidden()):
            raise refused(request, token)
        if status is not None:
            code, message = _REASONS.get(status, ("Error", "Scripted by the bench."))
            wait = (("Retry-After", str(self.knobs["retry_after"])),) if status in _REASONS else ()
            raise ArmError(status, code, message, *wait)

    def _still_forbidden(self) -> bool:
        seconds, now = self.knobs["forbidden_for"], self.world.clock()
        with self.world.lock:
            if self._first_refused is None:
                self._first_refused = now
            return bool(now < self._first_refused + seconds)

    def _route(self, call: Call) -> Reply:
        target = call.target
        version = call.request.parameter("api-version")
        if version is None:
            message = (
                "The api-version query parameter (?api-version=) is required for all requests."
            )
            raise ArmError(400, "MissingApiVersionParameter", message)
        if target.subscription is not None and target.subscription.lower() != SUBSCRIPTION_ID:
            message = f"The subscription '{target.subscription}' could not be found."
            raise ArmError(404, "SubscriptionNotFound", message)
        if _is_an_operation(target):
            return self._operation(call)
        if target.group is not None and target.type_name.lower() != GROUPS.lower():
            self.world.require(
                f"/subscriptions/{target.subscription}/resourceGroups/{target.group}"
            )
        kind, action = self._kind(target)
        check_version(kind, version, action)
        check_right(call, kind, action)
        if call.request.method in {"PUT", "PATCH"}:
            self._check_registered(target)
        return kind.act(call, action) if action is not None else kind.answer(call)

    def _kind(self, target: Target) -> tuple[Kind, str | None]:
        """Return the kind and the action; None for the resource itself or a list."""
        kind = self.world.kinds.get(target.type_name.lower())
        if kind is not None:
            return kind, None
        if "/" not in target.type_name and target.type_name:
            return PROVIDERS, ""
        owner = self.world.kinds.get(target.parent_type.lower())
        if target.collection and target.names and owner is not None:
            return owner, target.step
        if target.collection and target.step.lower() == "register":
            return PROVIDERS, target.step
        if target.type_name.startswith(SUBSCRIPTIONS):
            return self.world.kinds[SUBSCRIPTIONS.lower()], target.step
        namespace, _, rest = target.type_name.partition("/")
        message = (
            f"The resource type '{rest}' could not be found in the namespace '{namespace}' for the "
            "API version given."
        )
        raise ArmError(404, "InvalidResourceType", message)

    def _check_registered(self, target: Target) -> None:
        namespace = target.type_name.partition("/")[0]
        if self.world.unregistered(namespace):
            message = (
                f"The subscription is not registered to use namespace '{namespace}'. See "
                "https://aka.ms/rps-not-found for how to register subscriptions."
            )
            raise conflict("MissingSubscriptionRegistration", message)

    def _operation(self, call: Call) -> Reply:
        target = call.target
        operation = self.world.operations.find(target.name)
        if operation is None:
            raise ArmError(404, "OperationNotFound", f"Operation {target.name} was not found.")
        status = operation.look()
        wait = ("Retry-After", str(self.knobs["lro_retry_after"]))
        if target.step.lower() == "operations":
            content: dict[str, Any] = {"id": target.id, "name": target.name, "status": str(status)}
            if operation.error is not None:
                code, message = operation.error
                content["error"] = {"code": code, "message": message}
            return json_reply(200, content, wait)
        if status is Status.RUNNING:
            return Reply(202, (("Location", call.url(f"{target.id}?{call.request.query}")), wait))
        if operation.error is not None:
            code, message = operation.error
            raise conflict(code, message)
        result = operation.result() if operation.result else None
        return json_reply(200, result) if result is not None else Reply(200)

    def _blob(self, request: Request) -> Reply:
        """Return the console log for a signed URL."""
        instance = self.world.blobs.get(request.parameter("sig") or "")
        if instance is None:
            return Reply(403, (("x-ms-error-code", "AuthenticationFailed"),))
        if not request.path.endswith("serialconsole.log"):
            return Reply(404, (("x-ms-error-code", "BlobNotFound"),))
        content = self.world.machines.console(instance)
        return Reply(200, (("Content-Type", "application/octet-stream"),), content)


def _is_an_operation(target: Target) -> bool:
    parts = target.type_name.lower().split("/")
    return parts[1:2] == ["locations"] and parts[-1] in _OPERATIONS and not target.collection
