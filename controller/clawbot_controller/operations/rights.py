"""Whether the operator may do all of `up`, asked before its first write.

Without it a Contributor, who may create everything but assign no role, would get half a bot.
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from clawbot_controller.azure.errors import ForbiddenError
from clawbot_controller.operations.site import Site

__all__ = ["check_rights"]

_GROUP: Final = "microsoft.resources/subscriptions/resourcegroups/write"
_NEEDED: Final = (
    "microsoft.network/networksecuritygroups/write",
    "microsoft.network/virtualnetworks/write",
    "microsoft.keyvault/vaults/write",
    "microsoft.managedidentity/userassignedidentities/write",
    "microsoft.storage/storageaccounts/write",
    "microsoft.compute/virtualmachinescalesets/write",
    "microsoft.authorization/roleassignments/write",
)


def check_rights(site: Site) -> None:
    """Refuse to begin what could not be finished; a bot that is there needs no more rights.

    Raises:
        ForbiddenError: naming what may not be done and where.
        AzureError: see its subclasses.
    """
    if site.arm.get(site.names.scale_set_id) is not None:
        return
    place = site.names.place
    missing_group = site.arm.get(place.id) is None
    scope = f"/subscriptions/{place.subscription}" if missing_group else place.id
    needed = (_GROUP, *_NEEDED) if missing_group else _NEEDED
    given = tuple(site.arm.pages(f"{scope}/providers/Microsoft.Authorization/permissions"))
    # where Azure does not tell, the first write will
    lacking = [action for action in needed if given and not _allows(given, action)]
    if lacking:
        msg = f"you may not do {', '.join(lacking)} on {scope}"
        raise ForbiddenError(msg)


def _allows(given: Iterable[Mapping[str, Any]], action: str) -> bool:
    return any(
        _matches(one.get("actions"), action) and not _matches(one.get("notActions"), action)
        for one in given
    )


def _matches(patterns: Iterable[str] | None, action: str) -> bool:
    return any(fnmatchcase(action, pattern.lower()) for pattern in patterns or ())
