"""What can be known before anything is made: who asks, where, and whether the size can be had."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from clawbot_controller.azure.errors import (
    ForbiddenError,
    SizeNotOfferedError,
    SubscriptionUnknownError,
)
from clawbot_controller.azure.operator import Operator, operator
from clawbot_controller.deployment.tiers import TIERS
from clawbot_controller.operations.site import Site

__all__ = ["Ground", "preflight"]

# what may be proposed instead, cheapest first
_KNOWN: Final = (
    *dict.fromkeys(size for tier in TIERS.values() for size in (tier.size, tier.requested)),
    *("Standard_B2ls_v2", "Standard_B2s_v2", "Standard_D2as_v5"),
)
_X64: Final = "x64"
_GENERATION: Final = "V2"


@dataclass(frozen=True, slots=True)
class Ground:
    """What the resources stand on."""

    tenant: str
    operator: Operator | None


def preflight(site: Site) -> Ground:
    """Look whether the bot can be made at all; writes nothing.

    Raises:
        AzureError: no credentials, no such subscription, no right to look, or no such size.
    """
    who = operator(site.cloud.credential)
    subscription = site.deployment.target.subscription
    found = site.arm.get(f"/subscriptions/{subscription}")
    if found is None or "tenantId" not in found:
        msg = f"subscription {subscription} is not one that you can see"
        raise SubscriptionUnknownError(msg)
    _check_size(site)
    return Ground(found["tenantId"], who)


def _check_size(site: Site) -> None:
    target = site.deployment.target
    size = target.vm_size
    try:
        offered = _offers(site)
    except ForbiddenError:
        # a right on the subscription; without it the first instance will tell
        where = f"{size} is offered in {target.region}"
        site.tell(f"whether {where} cannot be checked: you may not look")
        return
    problem = offered.get(size.lower(), "is not offered")
    if problem is None:
        return
    others = [name for name in _KNOWN if offered.get(name.lower(), "") is None]
    there = f"; there are {', '.join(others)}" if others else ""
    msg = f"{size} {problem} in {target.region} with this subscription{there}"
    raise SizeNotOfferedError(msg)


def _offers(site: Site) -> dict[str, str | None]:
    """Sizes in lower case, each with why it cannot be had; None for one that can."""
    target = site.deployment.target
    path = f"/subscriptions/{target.subscription}/providers/Microsoft.Compute/skus"
    found = site.arm.pages(path, **{"$filter": f"location eq '{target.region}'"})
    return {
        str(one["name"]).lower(): _problem(one)
        for one in found
        if one.get("resourceType") == "virtualMachines"
    }


def _problem(sku: Mapping[str, Any]) -> str | None:
    for restriction in sku.get("restrictions") or ():
        # a restriction to zones leaves the rest of the region
        if restriction.get("type") == "Location":
            return f"is not offered ({restriction.get('reasonCode')})"
    can = {one["name"]: one["value"] for one in sku.get("capabilities") or ()}
    if can.get("CpuArchitectureType", _X64) != _X64:
        return "is an arm64 size, and the image is for x64,"
    if can.get("TrustedLaunchDisabled") == "True" or _GENERATION not in can.get(
        "HyperVGenerations", _GENERATION
    ):
        return "is a size without Trusted Launch,"
    return None
