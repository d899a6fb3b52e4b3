"""Role assignments that somebody made under another name than ours."""

from typing import Any, Final

from clawbot_controller.azure.arm import Arm
from clawbot_controller.model.resource import Resource, kind_of

__all__ = ["is_assigned"]

_KIND: Final = "microsoft.authorization/roleassignments"


def is_assigned(arm: Arm, resource: Resource) -> bool:
    """Whether a role assignment's principal has its role at its scope already; else False.

    Raises:
        AzureError: see its subclasses.
    """
    if kind_of(resource.id) != _KIND:
        return False
    listed = resource.id.rpartition("/")[0]
    scope = listed.lower().partition(f"/providers/{_KIND}")[0]
    wanted = resource.body["properties"]
    # Azure's filter gives those above and below the scope too
    found = arm.pages(listed, **{"$filter": f"principalId eq '{wanted['principalId']}'"})
    return any(_is(one.get("properties") or {}, wanted, scope) for one in found)


def _is(have: dict[str, Any], wanted: dict[str, Any], scope: str) -> bool:
    return (
        _lower(have, "scope").rstrip("/") == scope
        and _lower(have, "principalId") == _lower(wanted, "principalId")
        and _role(have) == _role(wanted)
    )


def _role(properties: dict[str, Any]) -> str:
    # the id begins with a subscription, or not
    return _lower(properties, "roleDefinitionId").rpartition("/")[2]


def _lower(properties: dict[str, Any], key: str) -> str:
    return str(properties.get(key) or "").lower()
