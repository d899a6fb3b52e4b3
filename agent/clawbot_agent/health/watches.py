"""The components of a bot: what is looked at, how often, and how long a look may take."""

from clawbot_agent.health.checks.caddy import Caddy
from clawbot_agent.health.checks.events import Events
from clawbot_agent.health.checks.gateway import Gateway
from clawbot_agent.health.checks.last_run import LastRun
from clawbot_agent.health.checks.lease import Lease
from clawbot_agent.health.checks.replacement import Repair
from clawbot_agent.health.checks.resources import Disk, Memory
from clawbot_agent.health.checks.ticket import Ticket
from clawbot_agent.health.checks.unit import Container
from clawbot_agent.health.refresh import Watch

__all__ = ["bot_watches"]


def bot_watches() -> tuple[Watch, ...]:
    """Those of a bot, in the order in which an operator reads them."""
    return (
        Watch("gateway", Gateway(), every=5, limit=12),
        Watch("container", Container(), every=10, limit=10),
        Watch("lease", Lease(), every=5, limit=5),
        Watch("caddy", Caddy(), every=8, limit=10),
        Watch("disk", Disk(), every=30, limit=5),
        Watch("memory", Memory(), every=10, limit=5),
        Watch("run", LastRun(), every=2, limit=12),
        Watch("ticket", Ticket(), every=30, limit=5),
        Watch("events", Events(), every=5, limit=5),
        Watch("repair", Repair(), every=5, limit=5),
    )
