"""All that should be there for one bot, in the order in which it is made."""

from dataclasses import dataclass
from typing import Final

from clawbot_controller.azure.arm import Found
from clawbot_controller.azure.operator import Operator
from clawbot_controller.custom_data.render import custom_data_digest, render_custom_data
from clawbot_controller.deployment.fill import PENDING, Created
from clawbot_controller.deployment.load import Deployment
from clawbot_controller.deployment.names import BotNames, SharedNames
from clawbot_controller.model import bot, shared, storage
from clawbot_controller.model.resource import Resource
from clawbot_controller.model.roles import Role, assignment
from clawbot_controller.model.scale_set import ScaleSetParts, scale_set

__all__ = ["UNKNOWN", "Principal", "own_resources", "principal_of", "shared_resources"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The bot's identity, as Azure made it.

    Attributes:
        client_id: by which the instance asks for tokens.
        object_id: to which roles are assigned.
    """

    client_id: str
    object_id: str


# of an identity that is still to be made
UNKNOWN: Final = Principal(client_id=PENDING.client_id, object_id=PENDING.client_id)


def principal_of(identity: Found) -> Principal:
    """The principal in an identity, as Azure returned it."""
    properties = identity["properties"]
    return Principal(client_id=properties["clientId"], object_id=properties["principalId"])


def shared_resources(
    names: SharedNames, region: str, *, tenant: str, operator: Operator | None
) -> tuple[Resource, ...]:
    """What the group's bots share, and the operator's right to write secrets."""
    place = names.place
    own_tag = {shared.GROUP_TAG: "shared by the bots of this group"}
    found = [
        shared.resource_group(place, region),
        shared.security_group(place, region).tagged(own_tag),
        shared.network(place, region).tagged(own_tag),
        shared.subnet(place),
        shared.vault(place, region, tenant).tagged(own_tag),
    ]
    if operator is not None:
        found.append(
            assignment(
                scope=names.vault_id,
                role=Role.SECRETS_OFFICER,
                principal=operator.object_id,
                principal_type=operator.kind,
                who="you",
            )
        )
    return tuple(found)


def own_resources(
    names: BotNames, deployment: Deployment, principal: Principal, public_key: str
) -> tuple[Resource, ...]:
    """What belongs to the bot alone, after its identity and its secrets."""
    created = bot.created(names, deployment, principal.client_id)
    target = deployment.target
    tags = bot.tags(deployment)
    storage_parts = (
        storage.account(names, deployment).tagged(tags),
        storage.file_service(names, deployment),
        storage.share(names, deployment),
        storage.share_role(names, deployment, principal.object_id),
    )
    roles = tuple(
        bot.secret_role(names, secret, principal.object_id) for secret in _secrets(created)
    )
    prefix = (
        (bot.addresses(names, target.region).tagged(tags),) if target.address == "prefix" else ()
    )
    config, agent = deployment.agent_config(created), target.agent.pinned
    parts = ScaleSetParts(
        custom_data=render_custom_data(config, agent),
        digest=custom_data_digest(config, agent),
        public_key=public_key,
    )
    machine = scale_set(names, deployment, parts).tagged(tags)
    return (*storage_parts, *roles, *prefix, machine)


def _secrets(created: Created) -> tuple[str, ...]:
    names = (created.gateway_token, created.openclaw_config)
    return tuple(name for name in names if name is not None)
