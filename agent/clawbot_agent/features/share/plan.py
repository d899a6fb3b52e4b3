"""What brings the mount of an Azure Files share about."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.config.storage import AzureFilesShare
from clawbot_agent.core.constants import TICKET_TIMER
from clawbot_agent.engine.actions import Action, ChangeUnit, directory_actions, file_actions
from clawbot_agent.features.mounts.units import MountFailedError, StartMount, unit_file, unit_text
from clawbot_agent.features.share import credentials
from clawbot_agent.features.share.errors import ShareCifsMissingError
from clawbot_agent.features.share.facts import AzureShareFacts
from clawbot_agent.features.share.failure import mount_failure
from clawbot_agent.features.share.options import share_options
from clawbot_agent.features.share.ticket import refresh_ticket
from clawbot_agent.host import Host
from clawbot_agent.host.commands import CommandMissingError, CommandTimeoutError

__all__ = ["ChangeMountUnit", "MountShare", "RefreshTicket", "mount_actions"]

_FILE_SYSTEMS: Final = Path("/proc/filesystems")
_NOTHING_SAID: Final = ""
_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


@dataclass(frozen=True, slots=True)
class RefreshTicket:
    """Have azfilesauth get the managed identity's ticket."""

    config: BotConfig = field(repr=False)
    why: str

    @property
    def summary(self) -> str:
        """Reason."""
        return f"get a Kerberos ticket for the share ({self.why})"

    def apply(self, host: Host) -> None:
        """Get it; raises as `refresh_ticket`."""
        refresh_ticket(host, self.config)


@dataclass(frozen=True, slots=True)
class MountShare:
    """Mount the share by its systemd unit, and say why that fails."""

    share: AzureFilesShare
    start: StartMount

    @property
    def summary(self) -> str:
        """What, where and why."""
        return f"mount {self.share.unc} on {self.start.where} ({self.start.why})"

    def apply(self, host: Host) -> None:
        """Mount it.

        Raises:
            ClawbotError: one of the classes in `share.errors`, by what mount said.
        """
        _load_client(host)
        try:
            self.start.apply(host)
        except MountFailedError as error:
            raise mount_failure(error.said, share=self.share, reach=host.reach) from error
        except CommandTimeoutError as error:
            raise mount_failure(_NOTHING_SAID, share=self.share, reach=host.reach) from error


@dataclass(frozen=True, slots=True)
class ChangeMountUnit:
    """Write the unit of a share that stays mounted as it is."""

    where: Path
    text: str = field(repr=False)

    @property
    def summary(self) -> str:
        """Path and reason."""
        return f"write {unit_file(self.where)} (other options, for the next mount)"

    def apply(self, host: Host) -> None:
        """Write it and have systemd read it."""
        host.files.write(unit_file(self.where), self.text, mode=0o644)
        host.units.reload_definitions()


def mount_actions(facts: AzureShareFacts, config: BotConfig) -> list[Action]:
    """Credentials first, then the mount; nothing for a mount that answers."""
    share = config.share.azure_files
    assert share is not None  # noqa: S101 - whoever plans has looked
    path = Path(config.share.path)
    actions = _credentials(facts, config, share)
    text = _unit(facts, config, share)
    if why := facts.why_mount(share):
        restart = facts.mount is not None
        actions.append(MountShare(share, StartMount(path, text, why, restart=restart)))
    elif facts.unit != text:
        actions.append(ChangeMountUnit(path, text))
    return actions


def _credentials(facts: AzureShareFacts, config: BotConfig, share: AzureFilesShare) -> list[Action]:
    if share.auth == "managed-identity":
        actions: list[Action] = []
        if not facts.ticket_good or facts.broken:
            actions.append(RefreshTicket(config, facts.broken or "none that lasts"))
        if not facts.timer:
            actions.append(ChangeUnit("start", TICKET_TIMER, "tickets end"))
        return actions
    assert facts.key is not None  # noqa: S101 - `look` finds one or raises
    wanted = credentials.content(share, facts.key)
    folder, file = credentials.DIRECTORY, credentials.file_of(share)
    return [
        *directory_actions(folder, facts.directory, mode=_DIRECTORY_MODE, uid=0),
        *file_actions(file, facts.file, wanted, mode=_FILE_MODE, uid=0),
    ]


def _unit(facts: AzureShareFacts, config: BotConfig, share: AzureFilesShare) -> str:
    return unit_text(
        what=share.unc,
        where=Path(config.share.path),
        kind="cifs",
        options=share_options(config, cruid=facts.cruid),
        description=f"Azure Files share {share.name} of {share.account}",
    )


def _load_client(host: Host) -> None:
    """Load the kernel's SMB client, which some cloud kernels have in an extra package."""
    if "\tcifs\n" in (host.files.read_text(_FILE_SYSTEMS) or ""):
        return
    try:
        done = host.run(("modprobe", "cifs"), timeout=30)
    except CommandMissingError as error:
        raise ShareCifsMissingError(error.message) from error
    if not done.ok:
        msg = f"the kernel has no SMB client: {' '.join(done.stderr.split())}"
        raise ShareCifsMissingError(msg)
