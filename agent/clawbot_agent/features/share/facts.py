"""How the mount of an Azure Files share is: looked at without ever waiting for its server."""

import errno
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from clawbot_agent.azure.errors import (
    ArmThrottledError,
    ArmUnreachableError,
    ImdsUnavailableError,
    KeyVaultAccessLostError,
    KeyVaultForbiddenError,
    KeyVaultThrottledError,
    KeyVaultUnreachableError,
    StorageAccessLostError,
    StorageKeysForbiddenError,
)
from clawbot_agent.config.model import BotConfig
from clawbot_agent.config.storage import AzureFilesShare
from clawbot_agent.core.constants import TICKET_TIMER
from clawbot_agent.core.secret import Secret
from clawbot_agent.engine.actions import Stored
from clawbot_agent.features.mounts.table import Mount, mount_of
from clawbot_agent.features.mounts.units import unit_file
from clawbot_agent.features.share import credentials
from clawbot_agent.features.share.credentials import KeySources
from clawbot_agent.features.share.errors import ShareCoveredError
from clawbot_agent.features.share.failure import PORT, server_failure
from clawbot_agent.features.share.ticket import cruid, present_ticket
from clawbot_agent.host import Host
from clawbot_agent.host.files import FileReadError
from clawbot_agent.host.network import Reached
from clawbot_agent.host.share_errors import ShareAccessLostError, ShareHungError, ShareStaleError

__all__ = ["AzureShareFacts", "look"]

_CIFS: Final = frozenset({"cifs", "smb3"})
_SECOND_LOOK_SECONDS: Final = 5.0
_OUTAGES: Final = (
    ImdsUnavailableError,
    KeyVaultThrottledError,
    KeyVaultUnreachableError,
    ArmThrottledError,
    ArmUnreachableError,
)


@dataclass(frozen=True, slots=True)
class AzureShareFacts:
    """What was found.

    Attributes:
        mount: the one at the share's path, of this or another share; None when not mounted.
        broken: why the mount has to be made anew; empty when it answers, or is not there.
        unit: text of the mount unit.
        directory, file: of the account key's credentials.
        key: what the file has to hold; None without account key.
        kept: why the key in the file had the last word; empty when its source had it.
        ticket_good: the managed identity's ticket lasts; None with an account key.
        timer: whether the ticket's refresh timer runs; None with an account key.
        cruid: owner of the ticket.
    """

    mount: Mount | None = None
    broken: str = ""
    unit: str | None = None
    directory: Stored | None = None
    file: Stored | None = None
    key: Secret | None = field(default=None, repr=False)
    kept: str = ""
    ticket_good: bool | None = None
    timer: bool | None = None
    cruid: int = 0

    def why_mount(self, share: AzureFilesShare) -> str:
        """Why the share has to be mounted (anew); empty when it is as it should be."""
        if self.mount is None:
            return "not mounted"
        if self.mount.source != share.unc:
            return f"{self.mount.source} is mounted there"
        if self.unit is None:
            # its options decide whether locks hold
            return "somebody else mounted it"
        return self.broken


def look(host: Host, config: BotConfig, sources: KeySources) -> AzureShareFacts:
    """Look at mount, unit and credentials; asks for the key only when it is needed to mount.

    Raises:
        ShareHungError: it is mounted and does not answer, though its server takes connections.
        SharePortBlockedError, ShareServerAwayError, ShareNameUnknownError: as its server does.
        ShareCoveredError: what is mounted there is no SMB share.
        ClawbotError: the key is needed and its source refuses, or cannot be reached while
            no key was kept.
    """
    share = config.share.azure_files
    assert share is not None  # noqa: S101 - whoever asks has looked
    path = Path(config.share.path)
    mount = _mounted(path, host)
    facts = AzureShareFacts(
        mount=mount,
        broken="" if mount is None else _broken(path, share, host),
        unit=host.files.read_text(unit_file(path)),
    )
    if share.auth == "managed-identity":
        ticket = present_ticket(host, share)
        return replace(
            facts,
            ticket_good=ticket is not None and ticket.lasts(host.clock.now()),
            timer=host.units.get(TICKET_TIMER).running,
            cruid=cruid(host.files),
        )
    key, kept = _key(host, config, sources, needed=bool(facts.why_mount(share)))
    return replace(
        facts,
        directory=_stored(credentials.DIRECTORY, host),
        file=_stored(credentials.file_of(share), host),
        key=key,
        kept=kept,
    )


def _mounted(path: Path, host: Host) -> Mount | None:
    mount = mount_of(path, host.files)
    if mount is None or mount.point != path:
        return None
    if mount.kind not in _CIFS:
        msg = f"{path}: {mount.source or mount.kind} is mounted there ({mount.kind})"
        raise ShareCoveredError(msg)
    return mount


def _broken(path: Path, share: AzureFilesShare, host: Host) -> str:
    """Why the mount that is there has to be made anew."""
    if not (why := _refusal(path, share, host)):
        return ""
    # mounting anew stops the bot: a session that is just being renewed gets another chance
    host.limit.sleep(_SECOND_LOOK_SECONDS)
    return why if _refusal(path, share, host) else ""


def _refusal(path: Path, share: AzureFilesShare, host: Host) -> str:
    try:
        host.files.stat(path)
    except (ShareStaleError, ShareAccessLostError) as error:
        return error.message
    except ShareHungError as error:
        found = host.reach(share.host, PORT)
        if found is Reached.OPEN:
            raise
        said = "the mounted share does not answer"
        raise server_failure(share, found, said=said) from error
    except FileReadError as error:
        if error.number in (errno.EACCES, errno.EPERM):
            return error.message
        raise
    return ""


def _key(host: Host, config: BotConfig, sources: KeySources, *, needed: bool) -> tuple[Secret, str]:
    """The account key, and why the kept one had to do."""
    share = config.share.azure_files
    assert share is not None  # noqa: S101 - see look
    kept = credentials.kept_key(share, host)
    if kept is not None and not needed:
        # a key that was rotated meanwhile matters only when the share is mounted again
        return kept, ""
    try:
        return credentials.fetched_key(host, config, sources), ""
    except _OUTAGES as error:
        if kept is None:
            raise
        return kept, f"with the key from before: {error.code}: {error.message}"
    except KeyVaultForbiddenError as error:
        if kept is None:
            raise
        raise KeyVaultAccessLostError(error.message, hint=error.hint) from error
    except StorageKeysForbiddenError as error:
        if kept is None:
            raise
        raise StorageAccessLostError(error.message, hint=error.hint) from error


def _stored(path: Path, host: Host) -> Stored | None:
    stat = host.files.stat(path)
    if stat is None or stat.kind != "file":
        return None if stat is None else Stored(stat)
    return Stored(stat, Secret(host.files.read_text(path) or ""))
