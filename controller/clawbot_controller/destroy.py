"""`destroy`: take a bot away; its memory and its secrets only when that is asked for."""

from collections.abc import Sequence
from typing import Final

from clawbot_controller.azure.errors import ForbiddenError
from clawbot_controller.azure.operator import operator
from clawbot_controller.azure.vaults import purge_vault
from clawbot_controller.desired import UNKNOWN, principal_of, shared_resources
from clawbot_controller.model import bot, storage
from clawbot_controller.model.names import SharedNames
from clawbot_controller.model.resource import kind_of
from clawbot_controller.model.shared import GROUP_TAG
from clawbot_controller.site import Site
from clawbot_controller.steps import ensure

__all__ = ["destroy", "destroy_shared"]

_ASSIGNMENTS: Final = "microsoft.authorization/roleassignments"


def destroy(site: Site, *, delete_data: bool) -> None:
    """Take one bot away, in an order in which a second call finds what a first one left.

    Raises:
        AzureError: see its subclasses.
    """
    names = site.names
    _delete(site, names.scale_set_id, "scale set")
    _delete(site, names.prefix_id, "reserved addresses")
    _roles(site)
    _delete(site, names.identity_id, "managed identity")
    if not delete_data:
        site.tell(f"the memory is kept (storage account {names.account}), and so are the secrets")
        return
    _secrets(site)
    _delete(site, names.account_id, "storage account with the memory")


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
    own = {one.lower() for one in _shared_ids(shared)}
    others = [one["id"] for one in site.arm.pages(f"{place.id}/resources")]
    left = [one for one in others if one.lower() not in own]
    if left:
        site.tell(f"network and vault are kept: there is also {', '.join(map(_short, left[:3]))}")
        return
    _vault(site)
    _delete(site, shared.network_id, "virtual network")
    _delete(site, shared.security_group_id, "network security group")
    if GROUP_TAG in (group.get("tags") or {}):
        _delete(site, place.id, "resource group")


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
    made = bot.created(site.names, site.deployment, principal.client_id)
    wanted = [storage.share_role(site.names, site.deployment, principal.object_id)]
    secrets = (made.gateway_token, made.openclaw_config)
    wanted += [
        bot.secret_role(site.names, secret, principal.object_id)
        for secret in secrets
        if secret is not None
    ]
    for role in wanted:
        if site.arm.get(role.id) is not None:
            site.tell(f"delete {role.says}")
            site.arm.delete(role.id)


def _secrets(site: Site) -> None:
    if site.arm.get(site.shared.vault_id) is None:
        return
    me = operator(site.cloud.credential)
    region = site.deployment.target.region
    for one in shared_resources(site.shared, region, tenant="", operator=me):
        # who destroys need not be who made it
        if kind_of(one.id) == _ASSIGNMENTS:
            ensure(site.arm, one, site.tell)
    vault = site.secrets(role_assigned=me is not None)
    made = bot.created(site.names, site.deployment, UNKNOWN.client_id)
    for secret in (made.gateway_token, made.openclaw_config):
        if secret is not None and vault.delete(secret):
            site.tell(f"deleted the secret {secret}")


def _vault(site: Site) -> None:
    name, region = site.shared.vault, site.deployment.target.region
    for one in site.arm.pages(f"{site.shared.vault_id}/providers/{_ASSIGNMENTS}"):
        if str(one["id"]).lower().startswith(site.shared.vault_id.lower()):
            site.arm.delete(one["id"])
    _delete(site, site.shared.vault_id, "Key Vault")
    subscription = site.names.place.subscription
    try:
        purge_vault(site.cloud, site.arm, subscription=subscription, region=region, name=name)
    except ForbiddenError:
        site.tell(f"you may not purge the vault {name}: it stays deleted, unbilled, for 7 days")


def _short(resource_id: str) -> str:
    return resource_id.rpartition("/")[2]
