"""Rights: role definitions and their assignments.

Only the built-in roles that bots and their operators use; ids and actions from Microsoft's
documentation of built-in roles.
"""

from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Final

from tests.bench.arm.world import Resource, World

ASSIGNMENTS: Final = "Microsoft.Authorization/roleAssignments"
_SECRETS: Final = "microsoft.keyvault/vaults/secrets"
_ACCOUNTS: Final = "microsoft.storage/storageaccounts"


@dataclass(frozen=True, slots=True)
class Role:
    """A built-in role.

    Args:
        name: as the portal shows it.
        actions: patterns in lower case.
        not_actions: exceptions.
        data_actions: patterns for data in a resource.
    """

    name: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()

    def allows(self, action: str, *, data: bool) -> bool:
        """Return whether the role allows an action (lower case)."""
        given = self.data_actions if data else self.actions
        taken = () if data else self.not_actions
        return any(fnmatch(action, item) for item in given) and not any(
            fnmatch(action, item) for item in taken
        )


ROLES: Final = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": Role("Owner", ("*",)),
    "b24988ac-6180-42a0-ab88-20f7382dd24c": Role(
        "Contributor",
        ("*",),
        ("microsoft.authorization/*/delete", "microsoft.authorization/*/write"),
    ),
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": Role("Reader", ("*/read",)),
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": Role(
        "User Access Administrator", ("*/read", "microsoft.authorization/*")
    ),
    "00482a5a-887f-4fb3-b363-3b7fe8e74483": Role(
        "Key Vault Administrator", ("microsoft.keyvault/*/read",), data_actions=(f"{_SECRETS}/*",)
    ),
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": Role(
        "Key Vault Secrets Officer", ("microsoft.keyvault/*/read",), data_actions=(f"{_SECRETS}/*",)
    ),
    "4633458b-17de-408a-b874-0445c86b69e6": Role(
        "Key Vault Secrets User",
        data_actions=(f"{_SECRETS}/getsecret/action", f"{_SECRETS}/readmetadata/action"),
    ),
    "c12c1c16-33a1-487b-954d-41c89c60f349": Role(
        "Reader and Data Access", (f"{_ACCOUNTS}/listkeys/action", f"{_ACCOUNTS}/read")
    ),
    "81a9662b-bebf-436f-a333-f67b29880f12": Role(
        "Storage Account Key Operator Service Role",
        (f"{_ACCOUNTS}/listkeys/action", f"{_ACCOUNTS}/regeneratekey/action"),
    ),
    "17d1049b-9a84-46fb-8f53-869881c3d3ab": Role(
        "Storage Account Contributor", (f"{_ACCOUNTS}/*", "microsoft.authorization/*/read")
    ),
    "a235d3ee-5935-4cfb-8cc5-a3303ad5995e": Role("Storage File Data SMB MI Admin"),
    "0c867c2a-1d8c-454a-a3db-ab2ea1bdc8bb": Role("Storage File Data SMB Share Contributor"),
    "9980e02c-c2be-4d73-94e8-173b1dc7cf3c": Role(
        "Virtual Machine Contributor", ("microsoft.compute/*", "microsoft.network/*/read")
    ),
    "4d97b98b-1d4f-4787-a291-c67834d212e7": Role("Network Contributor", ("microsoft.network/*",)),
}
"""Lower-case guid of the definition to the role."""


def role_of(definition: str) -> Role | None:
    """Return the built-in role with this definition's id."""
    return ROLES.get(definition.rpartition("/")[2].lower())


def scope_of(assignment: Resource) -> str:
    """Return the scope of an assignment."""
    return assignment.id.partition(f"/providers/{ASSIGNMENTS}/")[0]


def covers(scope: str, identifier: str) -> bool:
    """Return whether a resource is at or below a scope."""
    start, whole = scope.lower().rstrip("/"), identifier.lower()
    return whole == start or whole.startswith(f"{start}/")


def assigned(world: World, principal: str, action: str, scope: str, *, data: bool = False) -> bool:
    """Return whether a propagated role assignment allows a principal this action."""
    for item in world.of_type(ASSIGNMENTS):
        properties = item.properties
        spread = item.created + world.knobs["propagation"] <= world.clock()
        if not spread or properties["principalId"].lower() != principal.lower():
            continue
        role = role_of(properties["roleDefinitionId"])
        if role and covers(scope_of(item), scope) and role.allows(action.lower(), data=data):
            return True
    return False


def may(world: World, principal: str, action: str, scope: str) -> bool:
    """Return whether a principal may perform an action on a resource.

    Managed identities need a role; every other principal owns the subscription, except for the
    knob `denied`.
    """
    known = {
        item.properties["principalId"].lower()
        for item in world.of_type("Microsoft.ManagedIdentity/userAssignedIdentities")
    }
    if principal.lower() in known:
        return assigned(world, principal, action, scope)
    return not any(fnmatch(action.lower(), item.lower()) for item in world.knobs["denied"])
