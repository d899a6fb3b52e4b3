"""A desired Azure resource: its id, the version of its API, and the body to send."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from clawbot_controller.deployment.names import assignment_name

Body = Mapping[str, Any]
# JSON as Azure returned it
Found = dict[str, Any]

# by type in lower case; pinned, because the version determines the format of bodies
API: Final[Mapping[str, str]] = {
    "microsoft.authorization/permissions": "2022-04-01",
    "microsoft.authorization/roleassignments": "2022-04-01",
    "microsoft.compute/skus": "2021-07-01",
    "microsoft.compute/virtualmachines": "2024-07-01",
    "microsoft.compute/virtualmachinescalesets": "2024-07-01",
    "microsoft.keyvault/locations": "2023-07-01",
    "microsoft.keyvault/vaults": "2023-07-01",
    "microsoft.managedidentity/userassignedidentities": "2023-01-31",
    "microsoft.network/networkinterfaces": "2024-05-01",
    "microsoft.network/networksecuritygroups": "2024-05-01",
    "microsoft.network/publicipaddresses": "2024-05-01",
    "microsoft.network/publicipprefixes": "2024-05-01",
    "microsoft.network/virtualnetworks": "2024-05-01",
    "microsoft.storage/storageaccounts": "2025-01-01",
    "resourcegroups": "2022-09-01",
    "subscriptions": "2022-12-01",
}


class Role(StrEnum):
    """Built-in roles by id (learn.microsoft.com, "Azure built-in roles")."""

    SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
    SECRETS_OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
    READER_AND_DATA_ACCESS = "c12c1c16-33a1-487b-954d-41c89c60f349"
    SMB_MI_ADMIN = "a235d3ee-5935-4cfb-8cc5-a3303ad5995e"


_ROLE_NAMES: Final = {
    Role.SECRETS_USER: "Key Vault Secrets User",
    Role.SECRETS_OFFICER: "Key Vault Secrets Officer",
    Role.READER_AND_DATA_ACCESS: "Reader and Data Access",
    Role.SMB_MI_ADMIN: "Storage File Data SMB MI Admin",
}


@dataclass(frozen=True, slots=True)
class Principal:
    """An identity to which roles are assigned.

    Attributes:
        object_id: in the directory.
        kind: principal type of a role assignment.
    """

    object_id: str
    kind: str = "ServicePrincipal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A desired resource.

    Attributes:
        id: ARM id, with the leading slash.
        body: complete body of a PUT; every part of it is compared with the actual resource.
        description: for the operator: "virtual network 10.0.0.0/16".
        write_only: dotted paths in the body that Azure never returns.
        create_only: dotted paths that are set at creation and not changed later.
        optional: dotted paths, through lists too, that Azure may refuse or omit.
    """

    id: str
    body: Body
    description: str
    write_only: frozenset[str] = field(default=frozenset())
    create_only: frozenset[str] = field(default=frozenset())
    optional: frozenset[str] = field(default=frozenset())

    @property
    def name(self) -> str:
        """The last part of the id."""
        return self.id.rpartition("/")[2]

    def tagged(self, tags: Mapping[str, str]) -> "Resource":
        """Return the resource with additional tags."""
        return replace(self, body={**self.body, "tags": {**tags, **self.body.get("tags", {})}})


def assignment(*, scope: str, role: Role, principal: Principal, assignee: str) -> Resource:
    """Return the assignment of a role on `scope` only; `assignee` is its name for the operator.

    The principal's type is always sent: without it Azure looks the principal up in the directory,
    which does not have a new identity yet (PrincipalNotFound).
    """
    subscription = scope.split("/")[2]
    definitions = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions"
    name = assignment_name(scope, role, principal.object_id)
    return Resource(
        id=f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}",
        body={
            "properties": {
                "roleDefinitionId": f"{definitions}/{role.value}",
                "principalId": principal.object_id,
                "principalType": principal.kind,
            }
        },
        description=f"role {_ROLE_NAMES[role]} on {scope.rpartition('/')[2]} for {assignee}",
    )


def kind_of(resource_id: str) -> str:
    """Return the type, in lower case, of the top-level resource: the key of `API`."""
    parts = resource_id.strip("/").lower().split("/")
    if "providers" not in parts:
        return "resourcegroups" if "resourcegroups" in parts else "subscriptions"
    last = len(parts) - 1 - parts[::-1].index("providers")
    return f"{parts[last + 1]}/{parts[last + 2]}"


def value_at(document: Any, *path: str) -> Any:  # noqa: ANN401 - JSON
    """Return the value under a path of keys; None if a part is absent, null or not a mapping."""
    for key in path:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document
