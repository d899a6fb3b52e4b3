"""What belongs to one bot alone, beside its share and its scale set."""

from typing import Final

from clawbot_controller.deployment.fill import Created
from clawbot_controller.deployment.load import Deployment
from clawbot_controller.deployment.names import BotNames, SharedNames
from clawbot_controller.model.resource import Resource
from clawbot_controller.model.roles import Role, assignment

__all__ = ["BOT_TAG", "addresses", "created", "identity", "secret_role", "tags"]

# says whose a resource is
BOT_TAG: Final = "clawbot-bot"


def tags(deployment: Deployment) -> dict[str, str]:
    """Tags of everything that belongs to the bot."""
    return {**deployment.target.tags, BOT_TAG: deployment.name}


def identity(names: BotNames, region: str) -> Resource:
    """The identity by which the instance proves itself."""
    return Resource(
        id=names.identity_id, body={"location": region}, says="user-assigned managed identity"
    )


def secret_role(names: BotNames, secret: str, principal: str) -> Resource:
    """The right to read one secret, and none beside it in the same vault."""
    scope = f"{SharedNames(names.place).vault_id}/secrets/{secret}"
    return assignment(scope=scope, role=Role.SECRETS_USER, principal=principal, who=names.bot)


def addresses(names: BotNames, region: str) -> Resource:
    """Two reserved addresses: a replacement is made before the old instance goes."""
    return Resource(
        id=names.prefix_id,
        body={
            "location": region,
            "sku": {"name": "Standard", "tier": "Regional"},
            "properties": {"prefixLength": 31, "publicIPAddressVersion": "IPv4"},
        },
        says="two reserved public addresses",
    )


def created(names: BotNames, deployment: Deployment, client_id: str) -> Created:
    """The names that the agent's configuration is filled in with."""
    chosen = (deployment.bot.get("secrets") or {}).get("gateway_token")
    fragment = deployment.target.openclaw_config is not None
    return Created(
        client_id=client_id,
        key_vault=SharedNames(names.place).vault,
        account=names.account,
        share=names.share,
        gateway_token=chosen or names.gateway_token,
        openclaw_config=names.openclaw_config if fragment else None,
    )
