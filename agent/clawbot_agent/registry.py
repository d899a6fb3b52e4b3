"""All stages of a bot. The only place that knows them all."""

from clawbot_agent.engine.graph import Graph
from clawbot_agent.stages.apt import AptStage
from clawbot_agent.stages.caddy import CaddyStage
from clawbot_agent.stages.container import ContainerStage
from clawbot_agent.stages.docker import DockerStage
from clawbot_agent.stages.firewall import FirewallStage
from clawbot_agent.stages.housekeeping import HousekeepingStage
from clawbot_agent.stages.image import ImageStage
from clawbot_agent.stages.image_archive import ImageArchiveStage
from clawbot_agent.stages.lease import LeaseStage
from clawbot_agent.stages.mount import MountStage
from clawbot_agent.stages.openclaw_config import OpenClawConfigStage
from clawbot_agent.stages.secrets import SecretsStage
from clawbot_agent.stages.state import StateStage
from clawbot_agent.stages.sysbox import SysboxStage

__all__ = ["all_stages"]


def all_stages() -> Graph:
    """The graph of every stage that a bot can have."""
    return Graph(
        (
            HousekeepingStage(),
            AptStage(),
            DockerStage(),
            FirewallStage(),
            SysboxStage(),
            MountStage(),
            SecretsStage(),
            LeaseStage(),
            StateStage(),
            ImageStage(),
            OpenClawConfigStage(),
            ContainerStage(),
            CaddyStage(),
            ImageArchiveStage(),
        )
    )
