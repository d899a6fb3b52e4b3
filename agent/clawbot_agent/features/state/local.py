"""The backend local: a directory on the instance's own disk."""

from dataclasses import dataclass
from pathlib import Path

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.constants import GATEWAY_UID
from clawbot_agent.engine.actions import MakeDirectory
from clawbot_agent.engine.stage import Plan
from clawbot_agent.features.mounts.units import unit_file
from clawbot_agent.features.state import directory
from clawbot_agent.features.state.directory import MODE, DirectoryFacts
from clawbot_agent.features.state.units import GATEWAY_DROP_IN, removal_actions
from clawbot_agent.host import Host

__all__ = ["LocalFacts", "look", "plan"]


@dataclass(frozen=True, slots=True)
class LocalFacts:
    """How the directory is.

    Attributes:
        directory: what is at the state's path.
        unit, drop_in: texts of what another backend left since this boot.
    """

    directory: DirectoryFacts
    unit: str | None = None
    drop_in: str | None = None


def look(host: Host, config: BotConfig) -> LocalFacts:
    """Look at the directory and at what another backend left."""
    path = Path(config.state.path)
    return LocalFacts(
        directory=directory.look(host, path),
        unit=host.files.read_text(unit_file(path)),
        drop_in=host.files.read_text(GATEWAY_DROP_IN),
    )


def plan(facts: LocalFacts, config: BotConfig) -> Plan:
    """Take away what another backend mounted; make or correct the directory."""
    path = Path(config.state.path)
    actions = removal_actions(facts.unit, facts.drop_in, path)
    if facts.unit is not None:
        actions.append(
            MakeDirectory(path, MODE, "under what was mounted", GATEWAY_UID, GATEWAY_UID)
        )
    else:
        actions += directory.directory_actions(facts.directory, path)
    return Plan(f"{path} belongs to {GATEWAY_UID}, mode {MODE:04o}", tuple(actions))
