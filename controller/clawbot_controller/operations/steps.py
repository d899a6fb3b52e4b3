"""From what should be and what is to what is done, one resource at a time."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from clawbot_controller.azure.arm import Arm, Found
from clawbot_controller.azure.assignments import is_assigned
from clawbot_controller.azure.cloud import Tell
from clawbot_controller.azure.errors import NotChangeableError, RequestRefusedError
from clawbot_controller.azure.vaults import deleted_vault
from clawbot_controller.model.resource import Resource, kind_of
from clawbot_controller.model.scale_set import FINGERPRINT
from clawbot_controller.operations.diff import Difference, differences, merged, without_optional

__all__ = ["Action", "Step", "ensure", "examine"]

_FIXED: Final = frozenset(
    {
        *("location", "kind", "properties.tenantId", "properties.orchestrationMode"),
        *("properties.singlePlacementGroup", "properties.platformFaultDomainCount"),
        *("properties.addressPrefix", "properties.prefixLength"),
    }
)
# what Azure names when it does not take an optional part
_OPTIONAL: Final = "sku"
_REPAIRS: Final = "automaticRepairsPolicy"
_VAULT: Final = "microsoft.keyvault/vaults"
_BAD_ENDS: Final = frozenset({"failed", "canceled"})


class Action(StrEnum):
    """What is to be done with a resource."""

    CREATE = "create"
    RECOVER = "recover"
    CHANGE = "change"
    KEEP = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One resource, and what is to be done with it.

    Attributes:
        says: what it is.
        why: what is not as it should be.
    """

    name: str
    says: str
    action: Action
    why: tuple[str, ...] = ()


def examine(arm: Arm, resource: Resource, actual: Found | None) -> Step:
    """What is to be done with a resource, of which `actual` is there.

    Raises:
        NotChangeableError: it would have to be another one.
        AzureError: see its subclasses.
    """
    action, why = Action.KEEP, tuple[str, ...]()
    if actual is None and is_assigned(arm, resource):
        # by somebody else, under a name of theirs
        pass
    elif actual is None:
        action = Action.RECOVER if _is_deleted_vault(arm, resource) else Action.CREATE
    else:
        found = differences(resource, actual)
        _refuse_fixed(resource, found)
        why = (*(_told(one) for one in found), *_failed(actual))
        action = Action.CHANGE if why else Action.KEEP
    return Step(name=resource.name, says=resource.says, action=action, why=why)


def ensure(arm: Arm, resource: Resource, tell: Tell) -> tuple[Step, Found]:
    """Make a resource what it should be; what was done, and the resource.

    Raises:
        AzureError: see its subclasses.
    """
    actual = arm.settled(resource.id)
    step = examine(arm, resource, actual)
    if step.action is Action.KEEP:
        return step, actual or {}
    if step.action is Action.RECOVER:
        tell(f"recover {step.says}")
        actual = _recovered(arm, resource)
        again = examine(arm, resource, actual)
        if again.action is Action.KEEP:
            return step, actual
    verb = "change" if step.action is Action.CHANGE else "create"
    tell(f"{verb} {step.says}" + (f" ({'; '.join(step.why)})" if step.why else ""))
    body = merged(resource, actual)
    if any(f"{_REPAIRS}.repairAction" in one for one in step.why):
        # Azure changes the action only while repairs are off
        _put(arm, resource, _without_repairs(body))
    return step, _put(arm, resource, body)


def _put(arm: Arm, resource: Resource, body: dict[str, Any]) -> Found:
    try:
        return arm.put(resource.id, body)
    except RequestRefusedError as error:
        less = without_optional(resource, body)
        if less == body or _OPTIONAL not in error.message.lower():
            raise
        return arm.put(resource.id, less)


def _without_repairs(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "properties": {**body["properties"], _REPAIRS: {"enabled": False}}}


def _is_deleted_vault(arm: Arm, resource: Resource) -> bool:
    if kind_of(resource.id) != _VAULT or "/secrets/" in resource.id:
        return False
    subscription, region = resource.id.split("/")[2], str(resource.body["location"])
    return deleted_vault(arm, subscription, region=region, name=resource.name) is not None


def _recovered(arm: Arm, resource: Resource) -> Found:
    properties = {
        "tenantId": resource.body["properties"]["tenantId"],
        "sku": resource.body["properties"]["sku"],
        "createMode": "recover",
    }
    body = {
        "location": resource.body["location"],
        "tags": resource.body["tags"],
        "properties": properties,
    }
    arm.put(resource.id, body)
    return arm.settled(resource.id) or {}


def _refuse_fixed(resource: Resource, found: tuple[Difference, ...]) -> None:
    for one in found:
        if one.path in _FIXED:
            msg = f"{resource.says}: {one} is a change that Azure cannot make"
            raise NotChangeableError(msg)


def _told(difference: Difference) -> str:
    if difference.path == f"tags.{FINGERPRINT}":
        return "the model, such as custom data, is another one"
    return str(difference)


def _failed(actual: Found) -> tuple[str, ...]:
    state = str((actual.get("properties") or {}).get("provisioningState") or "")
    return (f"Azure's last attempt ended as {state}",) if state.lower() in _BAD_ENDS else ()
