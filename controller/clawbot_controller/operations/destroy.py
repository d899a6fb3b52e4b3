"""`destroy`: delete a bot; its bot data and secrets only with --delete-data."""

from collections.abc import Sequence
from typing import Final

from clawbot_controller.azure.arm import ASSIGNMENTS
from clawbot_controller.azure.credentials import signed_in_operator
from clawbot_controller.azure.errors import ForbiddenError
from clawbot_controller.azure.vault import deleted_vault, purge_vault
from clawbot_controller.model.bot_resources import (
    BotIdentity,
    gateway_token_name,
    secret_role,
    share_roles,
)
from clawbot_controller.model.resource import Found
from clawbot_controller.model.shared_resources import GROUP_TAG, operator_role
from clawbot_controller.operations.checks import check_own, check_shared
from clawbot_controller.operations.context import BotContext
from clawbot_controller.operations.reconcile import ensure

_RETENTION_DAYS: Final = 7
_REMAINS: Final = "remains soft-deleted, without cost,"


def destroy(bot: BotContext, *, delete_data: bool) -> bool:
    """Delete one bot, in an order in which an interrupted call can be repeated.

    Returns:
        Whether anything of it existed.
    """
    existing = check_own(bot)
    names = bot.names
    _delete(bot, names.scale_set_id, "scale set")
    _delete(bot, names.prefix_id, "reserved addresses")
    _delete_roles(bot)
    _delete(bot, names.identity_id, "managed identity")
    if not delete_data:
        if names.account_id in existing:
            bot.report(f"kept: bot data (storage account {names.account}) and secrets")
        return bool(existing)
    # before the secrets: the account is billed, and needs no role that takes time to propagate
    _delete(bot, names.account_id, "storage account with the bot data")
    return _delete_secrets(bot) or bool(existing)


def destroy_shared(bots: Sequence[BotContext]) -> None:
    """Delete what a group's destroyed bots shared, unless the group contains other resources."""
    bot = bots[0]
    shared, place = bot.shared, bot.names.place
    group = bot.arm.get(place.id)
    if group is None:
        return
    own = (shared.vault_id, shared.network_id, shared.security_group_id)
    if others := _others(bot, own):
        bot.report(f"network and vault are kept: the resource group also contains {others}")
        return
    check_shared(bot)
    if secrets := _remaining_secrets(bot):
        bot.report(f"network and vault are kept: the vault still contains {secrets}")
        return
    _delete_vault(bot)
    _delete(bot, shared.network_id, "virtual network")
    _delete(bot, shared.security_group_id, "network security group")
    if GROUP_TAG not in (group.get("tags") or {}):
        return
    # again, because everything in the group is deleted with it
    if others := _others(bot, ()):
        bot.report(f"the resource group is kept: it also contains {others}")
        return
    _delete(bot, place.id, "resource group")


def _others(bot: BotContext, own: tuple[str, ...]) -> str:
    """Return names of resources in the group that are not `own`, at most three."""
    excluded = {one.lower() for one in own}
    found = (str(one["id"]) for one in bot.arm.pages(f"{bot.names.place.id}/resources"))
    others = [one.rpartition("/")[2] for one in found if one.lower() not in excluded]
    return ", ".join(others[:3])


def _delete(bot: BotContext, resource_id: str, description: str) -> None:
    if bot.arm.settled(resource_id) is not None:
        bot.report(f"delete {description}")
        bot.arm.delete(resource_id)


def _delete_roles(bot: BotContext) -> None:
    # before the identity, because the names of assignments derive from its object id
    found = bot.arm.get(bot.names.identity_id)
    if found is None:
        return
    object_id = BotIdentity.of(found).object_id
    secrets = dict.fromkeys((*bot.names.secrets, gateway_token_name(bot.names, bot.deployment)))
    secret_roles = (secret_role(bot.names, secret, object_id) for secret in secrets)
    for role in (*share_roles(bot.names, object_id), *secret_roles):
        if bot.arm.get(role.id) is not None:
            bot.report(f"delete {role.description}")
            bot.arm.delete(role.id)


def _delete_secrets(bot: BotContext) -> bool:
    """Delete the bot's own secrets; return whether there were any."""
    found = bot.arm.get(bot.shared.vault_id)
    if found is None:
        return False
    protection = _purge_protection(found)
    operator = signed_in_operator(bot.cloud.credential)
    if operator is not None:
        # another operator may have created the vault
        ensure(bot.arm, operator_role(bot.names.place, operator), bot.report)
    vault = bot.secrets(role_assigned=operator is not None)
    deleted = False
    for secret in bot.names.secrets:
        if vault.delete(secret, purge=not protection):
            deleted = True
            bot.report(f"deleted the secret {secret}")
            if protection:
                reason = "because its vault has purge protection"
                bot.report(f"the secret {secret} {_REMAINS} {protection}, {reason}")
    token = gateway_token_name(bot.names, bot.deployment)
    if token not in bot.names.secrets:
        bot.report(f"the secret {token} is kept: you chose its name")
    return deleted


def _remaining_secrets(bot: BotContext) -> str:
    """Return names of secrets that no destroyed bot owned, at most three."""
    if bot.arm.get(bot.shared.vault_id) is None:
        return ""
    # the role was assigned for deleting the bots' secrets
    return ", ".join(bot.secrets(role_assigned=True).names()[:3])


def _delete_vault(bot: BotContext) -> None:
    name, vault_id = bot.shared.vault, bot.shared.vault_id
    subscription, region = bot.names.place.subscription, bot.region
    found = bot.arm.get(vault_id) or deleted_vault(bot.arm, subscription, region=region, name=name)
    protection = "" if found is None else _purge_protection(found)
    for one in bot.arm.pages(f"{vault_id}/providers/{ASSIGNMENTS}"):
        if str(one["id"]).lower().startswith(vault_id.lower()):
            bot.arm.delete(one["id"])
    _delete(bot, vault_id, "Key Vault")
    if protection:
        bot.report(f"the vault {name} {_REMAINS} {protection}, because it has purge protection")
        return
    try:
        purge_vault(bot.cloud, bot.arm, subscription=subscription, region=region, name=name)
    except ForbiddenError:
        days = f"for {_RETENTION_DAYS} days"
        bot.report(f"the vault {name} {_REMAINS} {days}, because you may not purge it")


def _purge_protection(vault: Found) -> str:
    """Return until when or how long the vault prevents purging; empty if it does not."""
    properties = vault.get("properties") or {}
    # the properties of a deleted vault have other names
    if properties.get("purgeProtectionEnabled"):
        date = str(properties.get("scheduledPurgeDate") or "")[:10]
        return f"until {date or 'Azure purges it'}"
    if not properties.get("enablePurgeProtection"):
        return ""
    return f"for {properties.get('softDeleteRetentionInDays') or _RETENTION_DAYS} days"
