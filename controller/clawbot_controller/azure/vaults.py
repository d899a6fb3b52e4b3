"""Deleted vaults, which keep their names for days unless they are purged."""

from azure.mgmt.keyvault import KeyVaultManagementClient

from clawbot_controller.azure.arm import Arm, Found, is_missing
from clawbot_controller.azure.cloud import Cloud
from clawbot_controller.azure.errors import ForbiddenError
from clawbot_controller.model.resource import API

__all__ = ["deleted_vault", "purge_vault"]

_VERSION = API["microsoft.keyvault/vaults"]


def deleted_vault(arm: Arm, subscription: str, *, region: str, name: str) -> Found | None:
    """A vault that was deleted and not purged; None also where one may not look.

    Raises:
        AzureError: see its subclasses.
    """
    locations = f"/subscriptions/{subscription}/providers/Microsoft.KeyVault/locations"
    try:
        return arm.get(f"{locations}/{region}/deletedVaults/{name}", **{"api-version": _VERSION})
    except ForbiddenError:
        # a right on the subscription; what follows is refused by Azure itself
        return None


def purge_vault(cloud: Cloud, arm: Arm, *, subscription: str, region: str, name: str) -> None:
    """Give a deleted vault's name back, and all that was in it for good.

    Raises:
        ForbiddenError: purging is a right of its own.
        AzureError: see its subclasses.
    """
    client = KeyVaultManagementClient(
        cloud.credential,
        subscription,
        base_url=cloud.arm_url,
        api_version=_VERSION,
        polling_interval=cloud.poll_seconds,
        **cloud.options(),
    )
    arm.finish(
        f"purge the vault {name}",
        lambda: client.vaults.begin_purge_deleted(name, region),
        fine=is_missing,
    )
