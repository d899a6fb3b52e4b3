"""Resources of one bot: identity, roles, storage account with the share, addresses, scale set."""

from dataclasses import dataclass
from typing import Any, Final

from clawbot_controller.custom_data import custom_data_digest, render_custom_data
from clawbot_controller.deployment.file import PENDING, CreatedNames, Deployment
from clawbot_controller.deployment.names import BotNames, SharedNames
from clawbot_controller.model.resource import Body, Principal, Resource, Role, assignment
from clawbot_controller.model.scale_set import ScaleSetParts, scale_set

# its value is the name of the bot that owns the resource
BOT_TAG: Final = "clawbot-bot"
_SHARE_ROLES: Final = {
    "account-key": Role.READER_AND_DATA_ACCESS,
    "managed-identity": Role.SMB_MI_ADMIN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BotIdentity:
    """The bot's managed identity, as Azure created it.

    Attributes:
        client_id: the instance requests tokens with it.
        object_id: roles are assigned to it.
    """

    client_id: str
    object_id: str

    @classmethod
    def of(cls, found: Body) -> "BotIdentity":
        """Return the identity in Azure's answer."""
        properties = found["properties"]
        return cls(client_id=properties["clientId"], object_id=properties["principalId"])


# placeholder while the identity does not exist
PENDING_IDENTITY: Final = BotIdentity(client_id=PENDING.client_id, object_id=PENDING.client_id)


def identity_resource(names: BotNames, deployment: Deployment) -> Resource:
    """Return the managed identity that the instance authenticates with."""
    return Resource(
        id=names.identity_id,
        body={"location": deployment.target.region},
        description="user-assigned managed identity",
    ).tagged(_tags(deployment))


def own_resources(
    names: BotNames, deployment: Deployment, identity: BotIdentity, public_key: str
) -> tuple[Resource, ...]:
    """Return the bot's resources in order; its identity and secrets exist before them."""
    created = created_names(names, deployment, identity.client_id)
    target, tags = deployment.target, _tags(deployment)
    config, agent = deployment.agent_config(created), target.agent.pinned
    parts = ScaleSetParts(
        custom_data=render_custom_data(config, agent),
        digest=custom_data_digest(config, agent),
        public_key=public_key,
    )
    secrets = filter(None, (created.gateway_token, created.openclaw_config))
    return (
        _account(names, deployment).tagged(tags),
        _file_service(names, deployment),
        _share(names, deployment),
        _share_role(names, _SHARE_ROLES[deployment.config.share.auth], identity.object_id),
        *(secret_role(names, secret, identity.object_id) for secret in secrets),
        *((_addresses(names, target.region).tagged(tags),) if target.address == "prefix" else ()),
        scale_set(names, deployment, parts).tagged(tags),
    )


def created_names(names: BotNames, deployment: Deployment, client_id: str) -> CreatedNames:
    """Return the names that complete the agent's configuration."""
    fragment = deployment.target.openclaw_config is not None
    return CreatedNames(
        client_id=client_id,
        key_vault=SharedNames(names.place).vault,
        account=names.account,
        share=names.share,
        gateway_token=gateway_token_name(names, deployment),
        openclaw_config=names.openclaw_config if fragment else None,
    )


def gateway_token_name(names: BotNames, deployment: Deployment) -> str:
    """Return the name of the gateway token's secret: the operator's choice or the bot's own."""
    return (deployment.bot.get("secrets") or {}).get("gateway_token") or names.gateway_token


def secret_role(names: BotNames, secret: str, object_id: str) -> Resource:
    """Return the bot's right to read one secret of the vault."""
    scope = f"{SharedNames(names.place).vault_id}/secrets/{secret}"
    principal = Principal(object_id)
    return assignment(scope=scope, role=Role.SECRETS_USER, principal=principal, assignee=names.bot)


def share_roles(names: BotNames, object_id: str) -> tuple[Resource, ...]:
    """Return every role the bot may have on its account: its file may have been edited."""
    return tuple(_share_role(names, role, object_id) for role in _SHARE_ROLES.values())


def _tags(deployment: Deployment) -> dict[str, str]:
    return {**deployment.target.tags, BOT_TAG: deployment.name}


def _share_role(names: BotNames, role: Role, object_id: str) -> Resource:
    principal = Principal(object_id)
    return assignment(scope=names.account_id, role=role, principal=principal, assignee=names.bot)


def _addresses(names: BotNames, region: str) -> Resource:
    # two, because a replacement is created before the old instance is deleted
    return Resource(
        id=names.prefix_id,
        body={
            "location": region,
            "sku": {"name": "Standard", "tier": "Regional"},
            "properties": {"prefixLength": 31, "publicIPAddressVersion": "IPv4"},
        },
        description="two reserved public addresses",
    )


def _account(names: BotNames, deployment: Deployment) -> Resource:
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
        description="storage account for the bot data, reachable from the subnet only",
    )


def _file_service(names: BotNames, deployment: Deployment) -> Resource:
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
        description="SMB 3.1.1 only, deleted shares kept for 7 days",
    )


def _share(names: BotNames, deployment: Deployment) -> Resource:
    return Resource(
        id=names.share_id,
        body={
            "properties": {
                "shareQuota": deployment.target.share_gib,
                # the cheapest tier for many small requests
                "accessTier": "TransactionOptimized",
                "enabledProtocols": "SMB",
            }
        },
        description=f"file share, at most {deployment.target.share_gib} GiB",
        create_only=frozenset({"properties.enabledProtocols"}),
    )
