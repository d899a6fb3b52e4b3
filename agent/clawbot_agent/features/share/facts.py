"""The state of an Azure Files share's mount, probed without waiting for its server."""

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
from clawbot_agent.features.mounts.table import Mount
from clawbot_agent.features.mounts.units import unit_file
from clawbot_agent.features.secrets.values import stored
from clawbot_agent.features.share import credentials
from clawbot_agent.features.share.credentials import KeySources
from clawbot_agent.features.share.errors import SMB_PORT, ShareCoveredError, server_failure
from clawbot_agent.features.share.ticket import cruid, present_ticket
from clawbot_agent.host import Host
from clawbot_agent.host.files import FileReadError
from clawbot_agent.host.network import Reached
from clawbot_agent.host.share_errors import ShareAccessLostError, ShareHungError, ShareStaleError

_CIFS: Final = frozenset({"cifs", "smb3"})
_RECHECK_SECONDS: Final = 5.0
_OUTAGES: Final = (
    *(ImdsUnavailableError, KeyVaultThrottledError, KeyVaultUnreachableError),
    *(ArmThrottledError, ArmUnreachableError),
)


@dataclass(frozen=True, slots=True)
class AzureShareFacts:
    """The mount, its unit and its credentials.

    Attributes:
        mount: at the share's path, of this or another share; None if nothing is mounted.
        broken: why the share must be remounted; empty if it answers or is not mounted.
        unit: text of the mount unit.
        directory, file: of the account key's credentials.
        key: the file's required key; None with a managed identity.
        kept: why the key in the file is kept; empty if its source answered.
        ticket_good: whether the ticket need not be renewed; None with an account key.
        timer: whether the ticket's timer runs; None with an account key.
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
        """Return why the share must be mounted or remounted; empty if it need not be."""
        if self.mount is None:
            return "not mounted"
        if self.mount.source != share.unc:
            return f"{self.mount.source} is mounted there"
        if self.unit is None:
            # its options decide whether locks work
            return "mounted without the agent's unit"
        return self.broken


def probe_azure(
    host: Host,
    config: BotConfig,
    share: AzureFilesShare,
    *,
    mount: Mount | None,
    sources: KeySources,
) -> AzureShareFacts:
    """Probe `mount` (which holds the share's path), its unit and its credentials.

    The key's `sources` are read only if the share must be mounted.

    Raises:
        ShareHungError: the mount hangs although its server accepts connections.
        ShareCoveredError: the file system mounted there is not an SMB share.
        ClawbotError: the mount hangs because of its server (see `server_failure`), or the key
            is needed, its source refuses it or is unreachable, and no key is kept.
    """
    path = Path(config.share.path)
    mount = _smb_mount(path, mount)
    facts = AzureShareFacts(
        mount=mount,
        broken="" if mount is None else _why_broken(path, share, host),
        unit=host.files.read_text(unit_file(path)),
    )
    if share.auth == "managed-identity":
        return _with_ticket(facts, host, share)
    key, kept = credentials.kept_key(share, host), ""
    # a key that was rotated meanwhile matters only at the next mount
    if key is None or facts.why_mount(share):
        key, kept = _current_key(host, config, share, sources, kept=key)
    return replace(
        facts,
        directory=stored(host, credentials.DIRECTORY),
        file=stored(host, credentials.file_of(share)),
        key=key,
        kept=kept,
    )


def _with_ticket(facts: AzureShareFacts, host: Host, share: AzureFilesShare) -> AzureShareFacts:
    ticket = present_ticket(host, share)
    return replace(
        facts,
        ticket_good=ticket is not None and ticket.lasts(host.clock.now()),
        timer=host.units.get(TICKET_TIMER).running,
        cruid=cruid(host.files),
    )


def _smb_mount(path: Path, mount: Mount | None) -> Mount | None:
    if mount is None or mount.point != path:
        return None
    if mount.kind not in _CIFS:
        msg = f"{path}: {mount.source or mount.kind} is mounted there ({mount.kind})"
        raise ShareCoveredError(msg)
    return mount


def _why_broken(path: Path, share: AzureFilesShare, host: Host) -> str:
    """Return why the existing mount must be remounted."""
    if not _refusal(path, share, host):
        return ""
    # a remount stops the bot, and the kernel may just be renewing the session
    host.limit.sleep(_RECHECK_SECONDS)
    return _refusal(path, share, host)


def _refusal(path: Path, share: AzureFilesShare, host: Host) -> str:
    try:
        host.files.stat(path)
    except (ShareStaleError, ShareAccessLostError) as error:
        return error.message
    except ShareHungError as error:
        found = host.reach(share.host, SMB_PORT)
        if found is Reached.OPEN:
            raise
        raise server_failure(share, found, seen="the mounted share hangs") from error
    except FileReadError as error:
        if error.number in (errno.EACCES, errno.EPERM):
            return error.message
        raise
    return ""


def _current_key(
    host: Host,
    config: BotConfig,
    share: AzureFilesShare,
    sources: KeySources,
    *,
    kept: Secret | None,
) -> tuple[Secret, str]:
    """Return the account key, and why it is the kept one."""
    try:
        return credentials.fetched_key(host, config, share, sources), ""
    except _OUTAGES as error:
        if kept is None:
            raise
        return kept, f"with the previous key: {error.code}: {error.message}"
    except (KeyVaultForbiddenError, StorageKeysForbiddenError) as error:
        if kept is None:
            raise
        key_vault = isinstance(error, KeyVaultForbiddenError)
        lost = KeyVaultAccessLostError if key_vault else StorageAccessLostError
        raise lost(error.message, hint=error.hint) from error
