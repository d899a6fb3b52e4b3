"""The share: what outlives the instance. A mounted Azure Files share, or a directory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.engine.actions import Action, MakeDirectory
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.features.mounts.table import Mount, mount_of
from clawbot_agent.features.share.credentials import KeySources
from clawbot_agent.features.share.facts import AzureShareFacts, look
from clawbot_agent.features.share.plan import RefreshTicket, mount_actions
from clawbot_agent.features.share.trial import TryShare, last_trial, record
from clawbot_agent.host import Host
from clawbot_agent.host.files import FileStat

__all__ = ["MountFacts", "MountStage"]

_MODE: Final = 0o700
_SOURCES: Final = KeySources()


@dataclass(frozen=True, slots=True)
class MountFacts:
    """What is at the share's path.

    Attributes:
        found: None when nothing is there; not asked of a mounted share.
        mount: the mount that the path lies on; None when unknown.
        tried: the record of the last trial, None without one.
        azure: of an Azure Files share.
    """

    found: FileStat | None
    mount: Mount | None
    tried: str | None
    azure: AzureShareFacts | None = None


class MountStage(Stage[MountFacts]):
    """The share is there and takes writes.

    Args:
        sources: where the account's key comes from.
    """

    name = "share"
    title = "Share"
    phase = Phase.NODE
    # mount.cifs
    needs = ("apt",)
    # a new role assignment may need a quarter of an hour
    budget = 1200
    typical = 5
    # a share that is away again is a new outage
    repairs_back_off = False

    def __init__(self, sources: KeySources = _SOURCES) -> None:
        """See the class."""
        self._sources = sources

    def probe(self, host: Host, config: BotConfig) -> MountFacts:
        """Look at the path, its mount and the record of the last trial.

        Raises:
            ClawbotError: a mounted share does not answer, or there is no way to its key.
        """
        path = Path(config.share.path)
        azure = look(host, config, self._sources) if config.share.azure_files else None
        return MountFacts(
            found=host.files.stat(path) if azure is None else None,
            mount=mount_of(path, host.files),
            tried=last_trial(host),
            azure=azure,
        )

    def plan(self, facts: MountFacts, config: BotConfig) -> Plan:
        """Mount it, or make a missing directory; try one that was not tried on this mount."""
        path = Path(config.share.path)
        share = config.share.azure_files
        if facts.azure is None or share is None:
            actions: list[Action] = []
            if facts.found is None:
                actions.append(MakeDirectory(path, _MODE, "the share is not there"))
            if why := _doubt(facts, path):
                actions.append(TryShare(path, why))
            return Plan(f"directory {path} takes writes", tuple(actions))
        actions = mount_actions(facts.azure, config)
        new = "it is newly mounted" if facts.azure.why_mount(share) else ""
        if why := new or _untried(facts, path):
            actions.append(TryShare(path, why))
        kept = f"; {facts.azure.kept}" if facts.azure.kept else ""
        return Plan(f"{share.unc} is mounted on {path} and takes writes{kept}", tuple(actions))

    def repairs(self, action: Action) -> str:
        """The ticket has a name of its own."""
        return "ticket" if isinstance(action, RefreshTicket) else self.name

    def backs_off(self, error: ClawbotError) -> bool:
        """Never: share, role and key come back by somebody's act in Azure."""
        del error
        return False


def _doubt(facts: MountFacts, path: Path) -> str:
    if facts.found is None:
        return "it is new"
    if facts.found.kind != "directory":
        return f"a {facts.found.kind} is there"
    return _untried(facts, path)


def _untried(facts: MountFacts, path: Path) -> str:
    if facts.mount is not None and facts.mount.read_only:
        return f"{facts.mount.point} is mounted read-only"
    if facts.tried != record(path, facts.mount):
        return "not tried since this boot or on this mount"
    return ""
