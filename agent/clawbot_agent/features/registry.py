"""All stages of a bot. The only place that knows them all."""

from clawbot_agent.engine.stage import Graph
from clawbot_agent.features.apt.stage import AptStage
from clawbot_agent.features.caddy.stage import CaddyStage
from clawbot_agent.features.disk_space.stage import DiskSpaceStage
from clawbot_agent.features.docker.stage import DockerStage
from clawbot_agent.features.firewall.stage import FirewallStage
from clawbot_agent.features.gateway.config_stage import OpenClawConfigStage
from clawbot_agent.features.gateway.stage import GatewayStage
from clawbot_agent.features.image.archive import ImageArchiveStage
from clawbot_agent.features.image.stage import ImageStage
from clawbot_agent.features.lease.stage import LeaseStage
from clawbot_agent.features.secrets.stage import SecretsStage
from clawbot_agent.features.share.stage import ShareStage
from clawbot_agent.features.state.stage import StateStage
from clawbot_agent.features.sysbox.stage import SysboxStage

__all__ = ["all_stages"]


def all_stages() -> Graph:
    """The graph of every stage that a bot can have."""
    return Graph(
        (
            DiskSpaceStage(),
            AptStage(),
            DockerStage(),
            FirewallStage(),
            SysboxStage(),
            ShareStage(),
            SecretsStage(),
            LeaseStage(),
            StateStage(),
            ImageStage(),
            OpenClawConfigStage(),
            GatewayStage(),
            CaddyStage(),
            ImageArchiveStage(),
        )
    )
