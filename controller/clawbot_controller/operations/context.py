"""The context of an operation: one bot's deployment, and access to Azure for it."""

from collections.abc import Callable
from dataclasses import dataclass

from clawbot_controller.azure.arm import Arm
from clawbot_controller.azure.cloud import Cloud, Report
from clawbot_controller.azure.credentials import unusable_public_key
from clawbot_controller.azure.instances import Instances
from clawbot_controller.azure.vault import VaultSecrets
from clawbot_controller.custom_data import render_custom_data
from clawbot_controller.deployment.file import Deployment
from clawbot_controller.deployment.names import BotNames, Place, SharedNames
from clawbot_controller.errors import NotDeployedError
from clawbot_controller.model.bot_resources import BotIdentity, created_names
from clawbot_controller.model.resource import Found, value_at


@dataclass(frozen=True, slots=True, kw_only=True)
class BotContext:
    """One bot's deployment, and access to Azure for it.

    Attributes:
        report: shows the operator one line about this bot.
        make_key: returns a new SSH public key.
    """

    deployment: Deployment
    names: BotNames
    cloud: Cloud
    arm: Arm
    report: Report
    make_key: Callable[[], str] = unusable_public_key

    @property
    def shared(self) -> SharedNames:
        """Names of the resources that the group's bots share."""
        return SharedNames(self.names.place)

    @property
    def region(self) -> str:
        """Region of the bot and its group."""
        return self.deployment.target.region

    def secrets(self, *, role_assigned: bool) -> VaultSecrets:
        """Return the shared vault's secrets."""
        vault, report = self.shared.vault, self.report
        return VaultSecrets(self.cloud, vault, report=report, role_assigned=role_assigned)

    def instances(self, scale_set: Found) -> Instances:
        """Return the instances of the bot's scale set."""
        flexible = value_at(scale_set, "properties", "orchestrationMode") == "Flexible"
        return Instances(self.cloud, self.arm, self.names, flexible=flexible)

    def custom_data(self) -> str:
        """Return the custom data that `up` sends, with the identity that exists in Azure.

        Raises:
            NotDeployedError: there is no identity yet.
        """
        found = self.arm.get(self.names.identity_id)
        if found is None:
            msg = f"{self.deployment.name}: its managed identity does not exist yet"
            raise NotDeployedError(msg)
        client_id = BotIdentity.of(found).client_id
        config = self.deployment.agent_config(created_names(self.names, self.deployment, client_id))
        return render_custom_data(config, self.deployment.target.agent.pinned)


def context_of(deployment: Deployment, cloud: Cloud, report: Report) -> BotContext:
    """Return the context of one deployment."""
    target = deployment.target
    place = Place(target.subscription, target.resource_group)
    return BotContext(
        deployment=deployment,
        names=BotNames(place, deployment.name),
        cloud=cloud,
        arm=Arm(cloud, target.subscription, report=report),
        report=report,
    )
