"""Checks before the first write: credentials, size, ownership, risky edits, and rights."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from clawbot_controller.azure.credentials import signed_in_operator
from clawbot_controller.azure.errors import (
    ForbiddenError,
    NotOursError,
    SizeNotOfferedError,
    SubscriptionUnknownError,
)
from clawbot_controller.deployment.target import TIERS
from clawbot_controller.errors import ShareInUseError
from clawbot_controller.model.bot_resources import BOT_TAG
from clawbot_controller.model.resource import Found, Principal, value_at
from clawbot_controller.model.shared_resources import GROUP_TAG
from clawbot_controller.operations.context import BotContext

# sizes to propose instead, cheapest first
_ALTERNATIVES: Final = (
    *dict.fromkeys(size for tier in TIERS.values() for size in (tier.size, tier.original)),
    *("Standard_B2ls_v2", "Standard_B2s_v2", "Standard_D2as_v5"),
)
_X64: Final = "x64"
_GENERATION: Final = "V2"
_CREATE_GROUP: Final = "microsoft.resources/subscriptions/resourcegroups/write"
_NEEDED_ACTIONS: Final = (
    "microsoft.network/networksecuritygroups/write",
    "microsoft.network/virtualnetworks/write",
    "microsoft.keyvault/vaults/write",
    "microsoft.managedidentity/userassignedidentities/write",
    "microsoft.storage/storageaccounts/write",
    "microsoft.compute/virtualmachinescalesets/write",
    "microsoft.authorization/roleassignments/write",
)


@dataclass(frozen=True, slots=True)
class SignIn:
    """The tenant of the subscription and the operator; None if the token is opaque."""

    tenant: str
    operator: Principal | None


def preflight(bot: BotContext) -> SignIn:
    """Check credentials, subscription and machine size.

    Raises:
        AzureError: no credentials, no such subscription, no right to read, or no such size.
    """
    operator = signed_in_operator(bot.cloud.credential)
    subscription = bot.deployment.target.subscription
    found = bot.arm.get(f"/subscriptions/{subscription}")
    if found is None or "tenantId" not in found:
        msg = f"subscription {subscription}: not found, or not visible to you"
        raise SubscriptionUnknownError(msg)
    _check_size(bot)
    return SignIn(found["tenantId"], operator)


def check_own(bot: BotContext) -> dict[str, Found]:
    """Return the bot's existing top-level resources by id.

    Raises:
        NotOursError: one of them was not created for the bot.
    """
    names, existing = bot.names, dict[str, Found]()
    for one in (names.scale_set_id, names.identity_id, names.account_id, names.prefix_id):
        found = bot.arm.get(one)
        if found is not None:
            check_owned(bot, found)
            existing[one] = found
    return existing


def check_owned(bot: BotContext, found: Found) -> None:
    """Refuse a resource that was not created for the bot.

    Raises:
        NotOursError: it does not have the bot's tag.
    """
    _check_tag(found, BOT_TAG, bot.names.bot)


def check_shared(bot: BotContext) -> None:
    """Refuse shared resources that the controller did not create.

    Raises:
        NotOursError: one of them does not have the group's tag.
    """
    for one in (bot.shared.security_group_id, bot.shared.network_id, bot.shared.vault_id):
        found = bot.arm.get(one)
        if found is not None:
            _check_tag(found, GROUP_TAG, None)


def check_edit(bot: BotContext, existing: Mapping[str, Found]) -> None:
    """Refuse an edit that would break the bot, given its resources by id; report unused addresses.

    Raises:
        ShareInUseError: an instance uses the share with the previous authentication.
    """
    names, target = bot.names, bot.deployment.target
    _check_share_auth(bot, existing.get(names.scale_set_id), existing.get(names.account_id))
    if target.address != "prefix" and names.prefix_id in existing:
        bot.report(
            f"reserved addresses {names.prefix_id.rpartition('/')[2]}: no longer in the file, but "
            "still billed; delete them when no instance uses them ('destroy' does)"
        )


def check_rights(bot: BotContext) -> None:
    """Check that the operator may create everything; an existing bot needs fewer rights.

    Otherwise a Contributor, who may not assign roles, would get half a bot.

    Raises:
        ForbiddenError: with the missing actions and their scope.
    """
    if bot.arm.get(bot.names.scale_set_id) is not None:
        return
    place = bot.names.place
    new_group = bot.arm.get(place.id) is None
    scope = f"/subscriptions/{place.subscription}" if new_group else place.id
    needed = (_CREATE_GROUP, *_NEEDED_ACTIONS) if new_group else _NEEDED_ACTIONS
    given = tuple(bot.arm.pages(f"{scope}/providers/Microsoft.Authorization/permissions"))
    # an empty list says nothing: the first write shows
    missing = [action for action in needed if given and not _allows(given, action)]
    if missing:
        msg = f"{scope}: you may not perform {', '.join(missing)}"
        raise ForbiddenError(msg)


def _check_size(bot: BotContext) -> None:
    size = bot.deployment.target.vm_size
    try:
        offered = _offers(bot)
    except ForbiddenError:
        # the right is on the subscription; otherwise creating the instance shows
        what = f"whether {size} is offered in {bot.region}"
        bot.report(f"cannot check {what}: you may not list the subscription's sizes")
        return
    problem = offered.get(size.lower(), "not offered to this subscription")
    if problem is None:
        return
    others = [name for name in _ALTERNATIVES if offered.get(name.lower(), "") is None]
    available = f"; available: {', '.join(others)}" if others else ""
    msg = f"{size} in {bot.region}: {problem}{available}"
    raise SizeNotOfferedError(msg)


def _offers(bot: BotContext) -> dict[str, str | None]:
    """Return sizes in lower case, each with its problem; None for a usable one."""
    path = f"/subscriptions/{bot.names.place.subscription}/providers/Microsoft.Compute/skus"
    found = bot.arm.pages(path, **{"$filter": f"location eq '{bot.region}'"})
    return {
        str(one["name"]).lower(): _size_problem(one)
        for one in found
        if one.get("resourceType") == "virtualMachines"
    }


def _size_problem(sku: Mapping[str, Any]) -> str | None:
    for restriction in sku.get("restrictions") or ():
        # a restriction of zones leaves the other zones of the region
        if restriction.get("type") == "Location":
            return f"not offered to this subscription ({restriction.get('reasonCode')})"
    can = {one["name"]: one["value"] for one in sku.get("capabilities") or ()}
    if can.get("CpuArchitectureType", _X64) != _X64:
        return "an arm64 size, but the VM image is x64"
    generations = can.get("HyperVGenerations", _GENERATION)
    if can.get("TrustedLaunchDisabled") == "True" or _GENERATION not in generations:
        return "does not support Trusted Launch"
    return None


def _check_tag(found: Found, tag: str, value: str | None) -> None:
    """Require a tag, with any value if `value` is None."""
    # Azure ignores the case of tag names
    tags = {name.lower(): text for name, text in (found.get("tags") or {}).items()}
    if tag in tags and value in {None, tags[tag]}:
        return
    kind = str(found.get("type") or "").rpartition("/")[2]
    needed = f"{tag}: {value}" if value else tag
    msg = f"{kind} {found.get('name')}: exists without the tag '{needed}'; not changed"
    raise NotOursError(msg)


def _check_share_auth(bot: BotContext, scale_set: Found | None, account: Found | None) -> None:
    if account is None or not value_at(scale_set, "sku", "capacity"):
        return
    # null means allowed
    by_key = value_at(account, "properties", "allowSharedKeyAccess") is not False
    wanted = bot.deployment.config.share.auth
    current = "account-key" if by_key else "managed-identity"
    if current != wanted:
        change = f"bot.share.auth: cannot change from {current} to {wanted}"
        msg = f"{change} while there is an instance: it would lose its bot data"
        raise ShareInUseError(msg)


def _allows(given: Iterable[Mapping[str, Any]], action: str) -> bool:
    return any(
        _matches(one.get("actions"), action) and not _matches(one.get("notActions"), action)
        for one in given
    )


def _matches(patterns: Iterable[str] | None, action: str) -> bool:
    return any(fnmatchcase(action, pattern.lower()) for pattern in patterns or ())
