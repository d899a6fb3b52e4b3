"""Housekeeping: when the instance's own disk fills, what is not the bot's goes from it.

A look at the disks is all it does as long as they have room. It needs nothing: a full disk keeps
apt and the engine down.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clawbot_agent.config.model import BotConfig
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.features.disk_space.find import Scarce, removables, scarce_disks
from clawbot_agent.features.disk_space.removables import Removable
from clawbot_agent.host import Host

if TYPE_CHECKING:
    from clawbot_agent.engine.actions import Action

__all__ = ["HousekeepingFacts", "HousekeepingStage"]


@dataclass(frozen=True, slots=True)
class HousekeepingFacts:
    """How the disks are.

    Attributes:
        scarce: those with little room.
        removables: what would make room on them; not looked for on others.
    """

    scarce: tuple[Scarce, ...] = ()
    removables: tuple[Removable, ...] = ()


class HousekeepingStage(Stage[HousekeepingFacts]):
    """Room on the disk."""

    name = "disk-space"
    title = "Room on the disk"
    phase = Phase.BASE
    budget = 300

    def required(self, config: BotConfig) -> bool:
        """A full disk breaks others, which say so themselves."""
        del config
        return False

    def probe(self, host: Host, config: BotConfig) -> HousekeepingFacts:
        """Look at the disks, and at what is on those that are nearly full."""
        scarce = scarce_disks(host)
        return HousekeepingFacts(scarce, removables(host, config, scarce) if scarce else ())

    def plan(self, facts: HousekeepingFacts, config: BotConfig) -> Plan:
        """Remove all that can go from a disk that is nearly full."""
        del config
        actions: tuple[Action, ...] = facts.removables
        if not facts.scarce:
            return Plan("the disks have room")
        told = "; ".join(str(one) for one in facts.scarce)
        return Plan(f"{told} free, and nothing is left that could go", actions)
