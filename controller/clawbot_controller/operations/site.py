"""One bot's place of work: what is asked for, and the doors to where it is to be."""

from collections.abc import Callable
from dataclasses import dataclass

from clawbot_controller.azure.arm import Arm
from clawbot_controller.azure.cloud import Cloud, Tell
from clawbot_controller.azure.instances import Instances
from clawbot_controller.azure.keys import public_key
from clawbot_controller.azure.secrets import Secrets
from clawbot_controller.deployment.load import Deployment
from clawbot_controller.deployment.names import BotNames, Place, SharedNames

__all__ = ["Site", "site_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What every verb works with.

    Attributes:
        tell: tells the operator one line about this bot.
        make_key: a new public key.
    """

    deployment: Deployment
    names: BotNames
    cloud: Cloud
    arm: Arm
    tell: Tell
    make_key: Callable[[], str] = public_key

    @property
    def shared(self) -> SharedNames:
        """Names of what the group's bots share."""
        return SharedNames(self.names.place)

    def secrets(self, *, role_assigned: bool) -> Secrets:
        """The shared vault's secrets."""
        return Secrets(self.cloud, self.shared.vault, tell=self.tell, role_assigned=role_assigned)

    def instances(self, *, flexible: bool) -> Instances:
        """The bot's instances."""
        return Instances(self.cloud, self.arm, self.names, flexible=flexible)


def site_of(deployment: Deployment, cloud: Cloud, tell: Tell) -> Site:
    """The site of one deployment."""
    target = deployment.target
    place = Place(target.subscription, target.resource_group)
    return Site(
        deployment=deployment,
        names=BotNames(place, deployment.name),
        cloud=cloud,
        arm=Arm(cloud, target.subscription, tell=tell),
        tell=tell,
    )
