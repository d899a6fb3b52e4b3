"""A bot's storage account and the share in it that holds its memory."""

from typing import Any, Final

from clawbot_controller.deployment.load import Deployment
from clawbot_controller.deployment.names import BotNames, SharedNames
from clawbot_controller.model.resource import Resource
from clawbot_controller.model.roles import Role, assignment

__all__ = ["account", "file_service", "share", "share_role", "share_roles"]

_ROLES: Final = {
    "account-key": Role.READER_AND_DATA_ACCESS,
    "managed-identity": Role.SMB_MI_ADMIN,
}


def account(names: BotNames, deployment: Deployment) -> Resource:
    """The account: reachable from the bots' subnet alone, and with a key only if it must be."""
    by_key = deployment.config.share.auth == "account-key"
    subnet = SharedNames(names.place).subnet_id
    properties: dict[str, Any] = {
        "minimumTlsVersion": "TLS1_2",
        "supportsHttpsTrafficOnly": True,
        "allowBlobPublicAccess": False,
        "allowSharedKeyAccess": by_key,
        "networkAcls": {
            "bypass": "AzureServices",
            "defaultAction": "Deny",
            "virtualNetworkRules": [{"id": subnet, "action": "Allow"}],
        },
    }
    if not by_key:
        properties["azureFilesIdentityBasedAuthentication"] = {
            "directoryServiceOptions": "None",
            "smbOAuthSettings": {"isSmbOAuthEnabled": True},
        }
    return Resource(
        id=names.account_id,
        body={
            "location": deployment.target.region,
            "kind": "StorageV2",
            "sku": {"name": "Standard_LRS"},
            "properties": properties,
        },
        says="storage account for the bot's memory, from the subnet only",
    )


def file_service(names: BotNames, deployment: Deployment) -> Resource:
    """SMB 3.1.1 with the strongest ciphers; a deleted share stays a week."""
    by_key = deployment.config.share.auth == "account-key"
    smb = {
        "versions": "SMB3.1.1",
        "authenticationMethods": "NTLMv2" if by_key else "Kerberos",
        "kerberosTicketEncryption": "AES-256",
        "channelEncryption": "AES-128-GCM;AES-256-GCM",
    }
    return Resource(
        id=f"{names.account_id}/fileServices/default",
        body={
            "properties": {
                "shareDeleteRetentionPolicy": {"enabled": True, "days": 7},
                "protocolSettings": {"smb": smb},
            }
        },
        says="SMB 3.1.1 only, deleted shares kept for 7 days",
    )


def share(names: BotNames, deployment: Deployment) -> Resource:
    """The share; its tier is the one that is cheapest for many small requests."""
    return Resource(
        id=names.share_id,
        body={
            "properties": {
                "shareQuota": deployment.target.share_gib,
                "accessTier": "TransactionOptimized",
                "enabledProtocols": "SMB",
            }
        },
        says=f"file share, at most {deployment.target.share_gib} GiB",
        once=frozenset({"properties.enabledProtocols"}),
    )


def share_role(names: BotNames, deployment: Deployment, principal: str) -> Resource:
    """The bot's role on its own account, by which it mounts the share."""
    role = _ROLES[deployment.config.share.auth]
    return assignment(scope=names.account_id, role=role, principal=principal, who=names.bot)


def share_roles(names: BotNames, principal: str) -> tuple[Resource, ...]:
    """Either role that the bot may have on its account: its file may have said another."""
    return tuple(
        assignment(scope=names.account_id, role=role, principal=principal, who=names.bot)
        for role in _ROLES.values()
    )
