"""Role assignments: who may do what, as narrowly as Azure allows."""

from enum import StrEnum
from typing import Final

from clawbot_controller.deployment.names import assignment_name
from clawbot_controller.model.resource import Resource

__all__ = ["Role", "assignment"]


class Role(StrEnum):
    """Built-in roles by their ids (learn.microsoft.com, "Azure built-in roles")."""

    SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
    SECRETS_OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
    READER_AND_DATA_ACCESS = "c12c1c16-33a1-487b-954d-41c89c60f349"
    SMB_MI_ADMIN = "a235d3ee-5935-4cfb-8cc5-a3303ad5995e"


_SAYS: Final = {
    Role.SECRETS_USER: "Key Vault Secrets User",
    Role.SECRETS_OFFICER: "Key Vault Secrets Officer",
    Role.READER_AND_DATA_ACCESS: "Reader and Data Access",
    Role.SMB_MI_ADMIN: "Storage File Data SMB MI Admin",
}


def assignment(
    *, scope: str, role: Role, principal: str, who: str, principal_type: str = "ServicePrincipal"
) -> Resource:
    """The assignment of a role on `scope`, and on nothing else, to a principal (object id).

    `principal_type` is always sent: without it Azure looks the principal up in the directory, and
    does not find an identity that was made a moment ago (PrincipalNotFound).
    """
    subscription = scope.split("/")[2]
    definitions = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions"
    name = assignment_name(scope, role, principal)
    return Resource(
        id=f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}",
        body={
            "properties": {
                "roleDefinitionId": f"{definitions}/{role.value}",
                "principalId": principal,
                "principalType": principal_type,
            }
        },
        says=f"role {_SAYS[role]} on {scope.rpartition('/')[2]} for {who}",
    )
