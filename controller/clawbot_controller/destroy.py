"""`destroy`: take a bot away; its memory and its secrets only when that is asked for."""

from collections.abc import Sequence
from typing import Final

from clawbot_controller.azure.arm import Found
from clawbot_controller.azure.errors import ForbiddenError
from clawbot_controller.azure.operator import operator
from clawbot_controller.azure.vaults import purge_vault
from clawbot_controller.desired import UNKNOWN, principal_of, shared_resources
from clawbot_controller.model import bot, storage
from clawbot_controller.model.names import SharedNames
from clawbot_controller.model.resource import kind_of
from clawbot_controller.model.shared import GROUP_TAG
from clawbot_controller.ownership import check_own, check_shared
from clawbot_controller.site import Site
from clawbot_controller.steps import ensure

__all__ = ["destroy", "destroy_shared"]

_DAYS: Final = 7
_DELETED: Final = "stays deleted, unbilled, for {} days"
_ASSIGNMENTS: Final = "microsoft.authorization/roleassignments"


def destroy(site: Site, *, delete_data: bool) -> None:
    """Take one bot away, in an order in which a second call finds what a first one left.

    Raises:
        AzureError: see its subclasses.
    """
    check_own(site)
    names = site.names
    _delete(site, names.scale_set_id, "scale set")
    _delete(site, names.prefix_id, "reserved addresses")
    _roles(site)
    _delete(site, names.identity_id, "managed identity")
    if not delete_data:
        site.tell(f"the memory is kept (storage account {names.account}), and so are the secrets")
        return
    # first: what has a price, and needs no role that spreads slowly
    _delete(site, names.account_id, "storage account with the memory")
    _secrets(site)


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


def _secrets(site: Site) -> None:
    found = site.arm.get(site.shared.vault_id)
    if found is None:
        return
    days = _protected_days(found)
    me = operator(site.cloud.credential)
    region = site.deployment.target.region
    for one in shared_resources(site.shared, region, tenant="", operator=me):
        # who destroys need not be who made it
        if kind_of(one.id) == _ASSIGNMENTS:
            ensure(site.arm, one, site.tell)
    vault = site.secrets(role_assigned=me is not None)
    for secret in site.names.secrets:
        if vault.delete(secret, purge=days is None):
            site.tell(f"deleted the secret {secret}")
            if days is not None:
                why = "its vault has purge protection"
                site.tell(f"the secret {secret} {_DELETED.format(days)}: {why}")
    if (token := _token_of(site)) not in site.names.secrets:
        site.tell(f"the secret {token} is kept: chosen by you")


def _token_of(site: Site) -> str:
    """Name of the gateway token's secret: the bot's own, or one that the operator chose."""
    return bot.created(site.names, site.deployment, UNKNOWN.client_id).gateway_token


def _vault(site: Site) -> None:
    name, region = site.shared.vault, site.deployment.target.region
    found = site.arm.get(site.shared.vault_id)
    days = None if found is None else _protected_days(found)
    for one in site.arm.pages(f"{site.shared.vault_id}/providers/{_ASSIGNMENTS}"):
        if str(one["id"]).lower().startswith(site.shared.vault_id.lower()):
            site.arm.delete(one["id"])
    _delete(site, site.shared.vault_id, "Key Vault")
    if days is not None:
        site.tell(f"the vault {name} {_DELETED.format(days)}: it has purge protection")
        return
    subscription = site.names.place.subscription
    try:
        purge_vault(site.cloud, site.arm, subscription=subscription, region=region, name=name)
    except ForbiddenError:
        site.tell(f"you may not purge the vault {name}: it {_DELETED.format(_DAYS)}")


def _protected_days(vault: Found) -> int | None:
    """Days for which what is deleted there cannot be purged; None when it can be."""
    properties = vault.get("properties") or {}
    if not properties.get("enablePurgeProtection"):
        return None
    return int(properties.get("softDeleteRetentionInDays") or _DAYS)


def _short(resource_id: str) -> str:
    return resource_id.rpartition("/")[2]
