"""Microsoft.Authorization: role assignments at any scope."""

import re
from typing import Any, Final

from tests.bench.arm.calls import Call
from tests.bench.arm.errors import ArmError, bad, conflict, not_found
from tests.bench.arm.identity import IDENTITIES
from tests.bench.arm.kinds import NOTHING, Kind
from tests.bench.arm.paths import parse
from tests.bench.arm.rights import ASSIGNMENTS, covers, role_of, scope_of
from tests.bench.arm.world import OPERATOR_ID, Resource, World
from tests.bench.azure.messages import Reply, json_reply

_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TRIPLE: Final = ("roleDefinitionId", "principalId")
_FILTER: Final = re.compile(r"(?P<what>principalId|assignedTo)\s*(eq\s*|\()'(?P<id>[^']+)'")
# not an ARM resource, but a valid scope
_IN_A_VAULT: Final = "microsoft.keyvault/vaults/secrets"


class RoleAssignments(Kind):
    """Role assignments."""

    name = ASSIGNMENTS
    tracked = False
    stateful = False

    def put(self, call: Call) -> Reply:
        """Assign a role; repeating it is no error."""
        body = call.json()
        self.validate(call, body)
        if not _GUID.fullmatch(call.target.name):
            message = (
                f"The role assignment ID '{call.target.name}' is not valid. It must be a GUID."
            )
            raise bad(message, "InvalidRoleAssignmentId")
        _scope_exists(call.world, call.target.scope)
        wanted = body["properties"]
        if role_of(wanted["roleDefinitionId"]) is None:
            message = (
                f"The specified role definition '{wanted['roleDefinitionId']}' does not exist."
            )
            raise bad(message, "RoleDefinitionDoesNotExist")
        _principal_exists(call.world, wanted)
        old = call.world.find(call.target.id)
        if old is not None and _triple(old.properties) != _triple(wanted):
            message = (
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
            )
            raise bad(message, "RoleAssignmentUpdateNotPermitted")
        for item in call.world.of_type(ASSIGNMENTS):
            same = _triple(item.properties) == _triple(wanted)
            if item is not old and same and _same(scope_of(item), call.target.scope):
                raise conflict("RoleAssignmentExists", "The role assignment already exists.")
        if old is not None:
            return json_reply(200, self.shown(call, old))
        return self._apply(call, body, None)

    def delete(self, call: Call) -> Reply:
        """Delete an assignment and return it."""
        found = call.world.find(call.target.id)
        if found is None:
            return NOTHING
        call.world.remove(found.id)
        return json_reply(200, self.shown(call, found))

    def get(self, call: Call) -> Reply:
        """Return an assignment; raise an error with its name if there is none."""
        if call.world.find(call.target.id) is None:
            message = f"The role assignment '{call.target.name}' is not found."
            raise ArmError(404, "RoleAssignmentNotFound", message)
        return super().get(call)

    def list(self, call: Call) -> Reply:
        """Return the assignments at, above and below the scope, optionally filtered."""
        wanted, scope = call.request.parameter("$filter") or "", call.target.scope
        only_at = "atScope()" in wanted
        match = _FILTER.search(wanted)
        found = []
        for item in call.world.of_type(ASSIGNMENTS):
            at = scope_of(item)
            inside = covers(at, scope) or (not only_at and covers(scope, at))
            principal = item.properties["principalId"].lower()
            if inside and (match is None or match["id"].lower() == principal):
                found.append(self.shown(call, item))
        return json_reply(200, {"value": found})

    def shown(self, call: Call, resource: Resource) -> dict[str, Any]:
        """Return the assignment with its scope."""
        shown = super().shown(call, resource)
        shown["properties"]["scope"] = scope_of(resource)
        return shown


def _scope_exists(world: World, scope: str) -> None:
    target = parse(scope)
    if target.type_name.lower() == _IN_A_VAULT:
        # the secret need not exist
        world.require(target.parent)
    elif target.type_name.lower() in world.kinds and target.group is not None:
        world.require(scope)
    elif target.group is not None:
        raise not_found(target.type_name, target.name, target.group)


def _principal_exists(world: World, wanted: dict[str, Any]) -> None:
    """Look up a principal without principalType in the directory, which lags behind.

    Raises:
        ArmError: 400 PrincipalNotFound.
    """
    if wanted.get("principalType"):
        return
    now, principal = world.clock(), wanted["principalId"].lower()
    known = {OPERATOR_ID} | {
        item.properties["principalId"].lower()
        for item in world.of_type(IDENTITIES)
        if item.created + world.knobs["directory_delay"] <= now
    }
    if principal not in known:
        message = (
            f"Principal {wanted['principalId']} does not exist in the directory. Check that you "
            "have the correct principal ID. If you are creating this principal and then "
            "immediately assigning a role, this error might be related to a replication delay. "
            "In this case, set the role assignment principalType property to a value, such as "
            "ServicePrincipal."
        )
        raise bad(message, "PrincipalNotFound")


def _triple(properties: dict[str, Any]) -> tuple[str, ...]:
    role, principal = (str(properties[name]).lower() for name in _TRIPLE)
    return role.rpartition("/")[2], principal


def _same(one: str, other: str) -> bool:
    return one.lower().rstrip("/") == other.lower().rstrip("/")
