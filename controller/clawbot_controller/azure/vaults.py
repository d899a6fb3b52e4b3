"""Deleted vaults, which keep their names for days unless they are purged."""

from azure.mgmt.keyvault import KeyVaultManagementClient

from clawbot_controller.azure.arm import Arm, is_missing
from clawbot_controller.azure.cloud import Cloud
from clawbot_controller.model.resource import API

__all__ = ["purge_vault"]


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
        api_version=API["microsoft.keyvault/vaults"],
        polling_interval=cloud.poll_seconds,
        **cloud.options(),
    )
    arm.finish(
        f"purge the vault {name}",
        lambda: client.vaults.begin_purge_deleted(name, region),
        fine=is_missing,
    )
