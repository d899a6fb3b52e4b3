"""Common base of all kinds of resources: create, change, get, list, delete."""

import json
from concurrent.futures import Future
from typing import Any, ClassVar, Final

from tests.bench.arm.calls import (
    Call,
    Style,
    accepted,
    check_precondition,
    merged,
    operation_headers,
)
from tests.bench.arm.errors import ArmError, bad, busy, wrong_method
from tests.bench.arm.operations import Status
from tests.bench.arm.schema import Body, schemas
from tests.bench.arm.world import SUCCEEDED, Resource
from tests.bench.azure.messages import Reply, json_reply

NOTHING: Final = Reply(204)
# of types without a schema, as Azure's own clients request them
CORE_VERSIONS: Final = ("2021-04-01", "2022-09-01", "2024-03-01", "2024-07-01", "2025-04-01")


class Kind:
    """One type of resource. Subclasses override what differs.

    Attributes:
        name: the type, as its provider writes it.
        style: of PUT and PATCH; also of DELETE if synchronous, otherwise see `deletes`.
        tracked: whether it is listed among the resources of its group.
        stateful: whether it has a provisioningState.
        more_versions: in addition to those of the schemas.
        action_versions: additional versions by action in lower case.
    """

    name: ClassVar[str]
    style: ClassVar[Style] = Style.PROMPT
    deletes: ClassVar[Style | None] = None
    tracked: ClassVar[bool] = True
    stateful: ClassVar[bool] = True
    more_versions: ClassVar[tuple[str, ...]] = ()
    action_versions: ClassVar[dict[str, tuple[str, ...]]] = {}

    @property
    def versions(self) -> tuple[str, ...]:
        """Return the supported API versions."""
        return (*schemas().versions(self.name), *self.more_versions)

    def answer(self, call: Call) -> Reply:
        """Answer a request for one resource or for a list of them.

        Raises:
            ArmError: the request is refused.
        """
        if call.target.collection:
            if call.request.method != "GET":
                raise wrong_method(call.request.method, self.name)
            return self.list(call)
        methods = {
            "GET": self.get,
            "HEAD": self.head,
            "PUT": self.put,
            "PATCH": self.patch,
            "DELETE": self.delete,
        }
        if call.request.method not in methods:
            raise wrong_method(call.request.method, self.name)
        return methods[call.request.method](call)

    def act(self, call: Call, action: str) -> Reply:
        """Answer an action on a resource: a POST, or a GET of derived data.

        Raises:
            ArmError: unknown action.
        """
        message = f"The resource type '{self.name}' has no '{action}' ({call.request.method})."
        raise ArmError(404, "InvalidResourceType", message)

    def get(self, call: Call) -> Reply:
        """Return the current resource."""
        found = call.world.require(call.target.id)
        found.look()
        # a deletion in progress may have finished
        return json_reply(200, self.shown(call, call.world.require(call.target.id)))

    def head(self, call: Call) -> Reply:
        """Answer whether the resource exists."""
        return NOTHING if call.world.find(call.target.id) else Reply(404)

    def list(self, call: Call) -> Reply:
        """Return all resources below the path's scope."""
        parent = call.target.id
        if parent and not _is_a_subscription(parent):
            call.world.require(parent)
        for item in call.world.of_type(self.name, scope=parent):
            item.look()
        items = call.world.of_type(self.name, scope=parent)
        return json_reply(200, {"value": [self.shown(call, item) for item in items]})

    def put(self, call: Call) -> Reply:
        """Create a resource, or replace it by the body."""
        body = call.json()
        self.validate(call, body)
        if not _is_a_subscription(call.target.parent):
            call.world.require(call.target.parent)
        old = call.world.find(call.target.id)
        self.still(old)
        check_precondition(call, old)
        return self._apply(call, body, old)

    def patch(self, call: Call) -> Reply:
        """Merge the body into a resource."""
        body = call.json()
        self.validate(call, body, partial=True)
        old = call.world.require(call.target.id)
        self.still(old)
        check_precondition(call, old)
        return self._apply(call, merged(self.sent(old), body), old)

    def delete(self, call: Call) -> Reply:
        """Delete a resource; a missing one is no error."""
        found = call.world.find(call.target.id)
        if found is None:
            return NOTHING
        self.still(found)
        self.before_delete(call, found)
        style = self.deletes or self.style
        if style in {Style.PROMPT, Style.BODY}:
            self.removed(call, found)
            call.world.remove(found.id)
            return Reply(200)
        found.state = "Deleting"

        def finish(status: Status) -> None:
            if status is Status.DONE:
                self.removed(call, found)
                call.world.remove(found.id)
            else:
                found.state = str(status)

        work = self.delete_work(call, found)
        found.operation = call.world.operations.start(finish, fault=call.fault, work=work)
        return accepted(call, found.operation, with_status=style is Style.ASYNC)

    def validate(self, call: Call, body: dict[str, Any], *, partial: bool = False) -> None:
        """Check a body against the schema of this type.

        Raises:
            ArmError: 400, with every problem in the message.
        """
        version = call.request.parameter("api-version") or ""
        given = Body(self.name, version, call.target.names, body, partial)
        if problems := schemas().problems(given):
            raise bad("; ".join(problems))

    def still(self, old: Resource | None) -> None:
        """Refuse to change a resource with an operation in progress.

        Raises:
            ArmError: 409.
        """
        if old is not None and old.operation is not None:
            old.look()
            if old.operation is not None:
                raise busy(self.name, old.name)

    def made(self, call: Call, body: dict[str, Any], old: Resource | None) -> dict[str, Any]:  # noqa: ARG002 - for subclasses
        """Return the content to keep of a valid body: with defaults, without names of the path.

        Raises:
            ArmError: the body conflicts with existing resources.
        """
        return {name: value for name, value in body.items() if name not in {"id", "name", "type"}}

    def sent(self, old: Resource) -> dict[str, Any]:
        """Return the body that a PATCH is merged into."""
        return old.content

    def work(self, call: Call, new: Resource, old: Resource | None) -> Future[Any] | None:  # noqa: ARG002 - for subclasses
        """Return the work of a creation or change, if any."""
        return None

    def delete_work(self, call: Call, found: Resource) -> Future[Any] | None:  # noqa: ARG002 - for subclasses
        """Return the work of a deletion, if any."""
        return None

    def stored(self, call: Call, new: Resource, body: dict[str, Any]) -> None:
        """Create or change dependent resources after a creation or change."""

    def before_delete(self, call: Call, found: Resource) -> None:
        """Refuse to delete a resource that is in use.

        Raises:
            ArmError: it is in use.
        """

    def removed(self, call: Call, found: Resource) -> None:
        """Delete dependent resources before a deletion."""

    def shown(self, call: Call, resource: Resource) -> dict[str, Any]:  # noqa: ARG002 - for subclasses
        """Return the body of a GET."""
        content = json.loads(json.dumps(resource.content))
        if self.stateful:
            content.setdefault("properties", {})["provisioningState"] = resource.state
        return {
            "id": resource.id,
            "name": resource.name,
            "type": resource.type_name,
            "etag": f'W/"{resource.etag}"',
            **content,
        }

    def _apply(self, call: Call, body: dict[str, Any], old: Resource | None) -> Reply:
        world = call.world
        content = self.made(call, body, old)
        fresh = Resource(call.target.id, self.name, content, SUCCEEDED, world.clock())
        new = fresh
        if old is not None:
            fresh.id, fresh.created, fresh.private = old.id, old.created, old.private
        world.add(new)
        self.stored(call, new, body)
        status = 200 if old else 201
        if self.style is Style.PROMPT:
            return json_reply(status, self.shown(call, new))
        new.state = "Updating" if old else "Creating"

        def finish(outcome: Status) -> None:
            new.state = str(outcome)

        new.operation = world.operations.start(
            finish,
            fault=call.fault,
            work=self.work(call, new, old),
            result=lambda: self.shown(call, new),
        )
        if self.style is Style.LOCATION and old is None:
            return accepted(call, new.operation, with_status=False)
        headers = operation_headers(call, new.operation) if self.style is not Style.BODY else ()
        return json_reply(status, self.shown(call, new), *headers)


def _is_a_subscription(identifier: str) -> bool:
    return not identifier or identifier.lower().count("/") == 2
