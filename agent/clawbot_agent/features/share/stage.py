"""The share outlives the instance: a mounted Azure Files share, or a directory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.config.storage import AzureFilesShare
from clawbot_agent.core.constants import TICKET_TIMER
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.engine.actions import (
    Action,
    ChangeUnit,
    MakeDirectory,
    directory_actions,
    file_actions,
)
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.features.mounts.table import Mount, mount_of
from clawbot_agent.features.mounts.units import StartMount, unit_text
from clawbot_agent.features.share import credentials
from clawbot_agent.features.share.actions import (
    ChangeMountUnit,
    MountShare,
    RefreshTicket,
    TryWrite,
    write_record,
)
from clawbot_agent.features.share.credentials import KeySources
from clawbot_agent.features.share.facts import AzureShareFacts, probe_azure
from clawbot_agent.features.share.options import share_options
from clawbot_agent.host import Host
from clawbot_agent.host.files import FileStat
from clawbot_agent.records.proof import SHARE_TEST, ShareTestRecord

_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_SOURCES: Final = KeySources()


@dataclass(frozen=True, slots=True)
class ShareFacts:
    """The state of the share's path.

    Attributes:
        found: None if nothing is there; not read from a mounted share.
        mount: the mount that holds the path; None if unknown.
        tried: the record of the last test write, if any.
        azure: of an Azure Files share.
    """

    found: FileStat | None
    mount: Mount | None
    tried: ShareTestRecord | None
    azure: AzureShareFacts | None = None


class ShareStage(Stage[ShareFacts]):
    """The share is available and takes writes; `sources` are those of the account key."""

    name = "share"
    title = "Share"
    phase = Phase.NODE
    # mount.cifs
    needs = ("apt",)
    # a new role assignment may take 15 min to work
    budget = 1200
    typical = 5
    # a share that is unreachable again is a new outage
    repairs_back_off = False

    def __init__(self, sources: KeySources = _SOURCES) -> None:
        self._sources = sources

    def probe(self, host: Host, config: BotConfig) -> ShareFacts:
        """Read the path, its mount and the record of the last test write.

        Raises:
            ClawbotError: a mounted share does not answer, or its key cannot be read.
        """
        path, share = Path(config.share.path), config.share.azure_files
        mount = mount_of(path, host.files)
        azure = None
        if share is not None:
            azure = probe_azure(host, config, share, mount=mount, sources=self._sources)
        found = host.files.stat(path) if azure is None else None
        return ShareFacts(found, mount, SHARE_TEST.load(host.files), azure)

    def plan(self, facts: ShareFacts, config: BotConfig) -> Plan:
        """Mount the share or make the directory; test a write on each new mount."""
        path, share = Path(config.share.path), config.share.azure_files
        actions: list[Action] = []
        if facts.azure is None or share is None:
            if facts.found is None:
                actions.append(MakeDirectory(path, _DIRECTORY_MODE, "missing"))
                why = "new directory"
            elif facts.found.kind != "directory":
                why = f"it is a {facts.found.kind}"
            else:
                why = _why_test(facts, path)
            reason = f"directory {path} takes writes"
        else:
            actions += _credentials(facts.azure, config, share)
            actions += _mount(facts.azure, config, share)
            why = "new mount" if facts.azure.why_mount(share) else _why_test(facts, path)
            kept = f"; {facts.azure.kept}" if facts.azure.kept else ""
            reason = f"{share.unc} is mounted on {path} and takes writes{kept}"
        if why:
            actions.append(TryWrite(path, why))
        return Plan(reason, tuple(actions))

    def repairs(self, action: Action) -> str:
        """Count renewals of the ticket separately."""
        return "ticket" if isinstance(action, RefreshTicket) else self.name

    def backs_off(self, error: ClawbotError) -> bool:
        """Never: share, role and key are changed in Azure."""
        del error
        return False


def _why_test(facts: ShareFacts, path: Path) -> str:
    if facts.mount is not None and facts.mount.read_only:
        return f"{facts.mount.point} is mounted read-only"
    if facts.tried != write_record(path, facts.mount):
        return "not tested since this boot or on this mount"
    return ""


def _credentials(facts: AzureShareFacts, config: BotConfig, share: AzureFilesShare) -> list[Action]:
    if share.auth == "managed-identity":
        actions: list[Action] = []
        if not facts.ticket_good or facts.broken:
            actions.append(RefreshTicket(config, facts.broken or "missing or about to expire"))
        if not facts.timer:
            actions.append(ChangeUnit("start", TICKET_TIMER, "renews the ticket"))
        return actions
    assert facts.key is not None  # noqa: S101 - `probe_azure` finds one or raises
    wanted = credentials.content(share, facts.key)
    folder, file = credentials.DIRECTORY, credentials.file_of(share)
    return [
        *directory_actions(folder, facts.directory, mode=_DIRECTORY_MODE, uid=0),
        *file_actions(file, facts.file, wanted, mode=_FILE_MODE, uid=0),
    ]


def _mount(facts: AzureShareFacts, config: BotConfig, share: AzureFilesShare) -> list[Action]:
    path = Path(config.share.path)
    text = unit_text(
        what=share.unc,
        where=path,
        kind="cifs",
        options=share_options(config, cruid=facts.cruid),
        description=f"Azure Files share {share.name} of {share.account}",
    )
    if why := facts.why_mount(share):
        start = StartMount(path, text, why, restart=facts.mount is not None)
        return [MountShare(share, start)]
    return [] if facts.unit == text else [ChangeMountUnit(path, text)]
