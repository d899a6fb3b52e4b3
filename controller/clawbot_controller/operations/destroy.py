"""`destroy`: take a bot away; its memory and its secrets only when that is asked for."""

from collections.abc import Sequence
from typing import Final

from clawbot_controller.azure.arm import Found
from clawbot_controller.azure.errors import ForbiddenError
from clawbot_controller.azure.operator import operator
from clawbot_controller.azure.vaults import deleted_vault, purge_vault
from clawbot_controller.deployment.names import SharedNames
from clawbot_controller.model import bot, storage
from clawbot_controller.model.resource import kind_of
from clawbot_controller.model.shared import GROUP_TAG
from clawbot_controller.operations.desired import UNKNOWN, principal_of, shared_resources
from clawbot_controller.operations.ownership import check_own, check_shared
from clawbot_controller.operations.site import Site
from clawbot_controller.operations.steps import ensure

__all__ = ["destroy", "destroy_shared"]

_DAYS: Final = 7
_DELETED: Final = "stays deleted, unbilled,"
_ASSIGNMENTS: Final = "microsoft.authorization/roleassignments"


def destroy(site: Site, *, delete_data: bool) -> bool:
    """Take one bot away, in an order in which a second call finds what a first one left.

    Returns:
        Whether anything of it was there.

    Raises:
        AzureError: see its subclasses.
    """
    there = check_own(site)
    names = site.names
    _delete(site, names.scale_set_id, "scale set")
    _delete(site, names.prefix_id, "reserved addresses")
    _roles(site)
    _delete(site, names.identity_id, "managed identity")
    if not delete_data:
        if names.account_id in there:
            kept = f"the memory is kept (storage account {names.account})"
            site.tell(f"{kept}, and so are the secrets")
        return bool(there)
    # first: what has a price, and needs no role that spreads slowly
    _delete(site, names.account_id, "storage account with the memory")
    return _secrets(site) or bool(there)


def destroy_shared(sites: Sequence[Site]) -> None:
    """Take away what the bots of a group shared, unless something else is in the group.

    Args:
        sites: of one group, all of them destroyed with their data.
    """
    site = sites[0]
    shared, place = site.shared, site.names.place
    group = site.arm.get(place.id)
    if group is None:
        return
    if left := _others(site, _shared_ids(shared)):
        site.tell(f"network and vault are kept: there is also {left}")
        return
    check_shared(site)
    if secrets := _secrets_left(site):
        site.tell(f"network and vault are kept: the vault still holds {secrets}")
        return
    _vault(site)
    _delete(site, shared.network_id, "virtual network")
    _delete(site, shared.security_group_id, "network security group")
    if GROUP_TAG not in (group.get("tags") or {}):
        return
    # once more: with the group goes everything that somebody put there meanwhile
    if left := _others(site, ()):
        site.tell(f"the resource group is kept: there is also {left}")
        return
    _delete(site, place.id, "resource group")


def _others(site: Site, own: tuple[str, ...]) -> str:
    """Some of the resources in the group that are not `own`, for the operator; "" without any."""
    ours = {one.lower() for one in own}
    found = (str(one["id"]) for one in site.arm.pages(f"{site.names.place.id}/resources"))
    return ", ".join([_short(one) for one in found if one.lower() not in ours][:3])


def _shared_ids(shared: SharedNames) -> tuple[str, ...]:
    return shared.vault_id, shared.network_id, shared.security_group_id


def _delete(site: Site, resource_id: str, says: str) -> None:
    if site.arm.settled(resource_id) is not None:
        site.tell(f"delete {says}")
        site.arm.delete(resource_id)


def _roles(site: Site) -> None:
    """Before the identity: afterwards nobody could tell whose they were."""
    found = site.arm.get(site.names.identity_id)
    if found is None:
        return
    principal = principal_of(found)
    wanted = storage.share_roles(site.names, principal.object_id)
    secrets = dict.fromkeys((*site.names.secrets, _token_of(site)))
    roles = (bot.secret_role(site.names, one, principal.object_id) for one in secrets)
    for role in (*wanted, *roles):
        if site.arm.get(role.id) is not None:
            site.tell(f"delete {role.says}")
            site.arm.delete(role.id)


def _secrets(site: Site) -> bool:
    """Delete the bot's own; whether there was any."""
    found = site.arm.get(site.shared.vault_id)
    if found is None:
        return False
    protected = _protected(found)
    me = operator(site.cloud.credential)
    region = site.deployment.target.region
    for one in shared_resources(site.shared, region, tenant="", operator=me):
        # who destroys need not be who made it
        if kind_of(one.id) == _ASSIGNMENTS:
            ensure(site.arm, one, site.tell)
    vault = site.secrets(role_assigned=me is not None)
    deleted = False
    for secret in site.names.secrets:
        if vault.delete(secret, purge=not protected):
            deleted = True
            site.tell(f"deleted the secret {secret}")
            if protected:
                why = "its vault has purge protection"
                site.tell(f"the secret {secret} {_DELETED} {protected}: {why}")
    if (token := _token_of(site)) not in site.names.secrets:
        site.tell(f"the secret {token} is kept: chosen by you")
    return deleted


def _secrets_left(site: Site) -> str:
    """Names of secrets that no destroyed bot owned; "" without any."""
    if site.arm.get(site.shared.vault_id) is None:
        return ""
    # the role was given when the bots' own secrets were deleted
    return ", ".join(site.secrets(role_assigned=True).names()[:3])


def _token_of(site: Site) -> str:
    """Name of the gateway token's secret: the bot's own, or one that the operator chose."""
    return bot.created(site.names, site.deployment, UNKNOWN.client_id).gateway_token


def _vault(site: Site) -> None:
    name, region = site.shared.vault, site.deployment.target.region
    found = site.arm.get(site.shared.vault_id) or deleted_vault(
        site.arm, site.names.place.subscription, region=region, name=name
    )
    protected = "" if found is None else _protected(found)
    for one in site.arm.pages(f"{site.shared.vault_id}/providers/{_ASSIGNMENTS}"):
        if str(one["id"]).lower().startswith(site.shared.vault_id.lower()):
            site.arm.delete(one["id"])
    _delete(site, site.shared.vault_id, "Key Vault")
    if protected:
        site.tell(f"the vault {name} {_DELETED} {protected}: it has purge protection")
        return
    subscription = site.names.place.subscription
    try:
        purge_vault(site.cloud, site.arm, subscription=subscription, region=region, name=name)
    except ForbiddenError:
        site.tell(f"you may not purge the vault {name}: it {_DELETED} for {_DAYS} days")


def _protected(vault: Found) -> str:
    """How long what is deleted there cannot be purged, for the operator; "" when it can be."""
    properties = vault.get("properties") or {}
    # of a vault that is deleted itself, Azure says both in other words
    if properties.get("purgeProtectionEnabled"):
        return f"until {str(properties.get('scheduledPurgeDate') or 'Azure purges it')[:10]}"
    if not properties.get("enablePurgeProtection"):
        return ""
    return f"for {properties.get('softDeleteRetentionInDays') or _DAYS} days"


def _short(resource_id: str) -> str:
    return resource_id.rpartition("/")[2]
