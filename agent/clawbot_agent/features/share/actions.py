"""Actions of the stage `share`: get a ticket, mount, and test that the share takes writes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.config.storage import AzureFilesShare
from clawbot_agent.features.mounts.table import Mount, mount_of
from clawbot_agent.features.mounts.units import MountFailedError, StartMount, unit_file, write_unit
from clawbot_agent.features.share.errors import (
    ShareCifsMissingError,
    ShareNotDirectoryError,
    ShareNotWritableError,
    mount_failure,
)
from clawbot_agent.features.share.ticket import refresh_ticket
from clawbot_agent.host import Host
from clawbot_agent.host.commands import CommandMissingError, CommandTimeoutError
from clawbot_agent.host.files import FileWriteError
from clawbot_agent.records.proof import SHARE_TEST, ShareTestRecord

_FILE_SYSTEMS: Final = Path("/proc/filesystems")
_TEST_FILE: Final = ".clawbot-write-test"


@dataclass(frozen=True, slots=True)
class RefreshTicket:
    """Get a Kerberos ticket for the managed identity with azfilesauth."""

    config: BotConfig = field(repr=False)
    why: str

    @property
    def summary(self) -> str:
        """State the reason."""
        return f"get a Kerberos ticket for the share ({self.why})"

    def apply(self, host: Host) -> None:
        """Get it (raises as `refresh_ticket`)."""
        refresh_ticket(host, self.config)


@dataclass(frozen=True, slots=True)
class MountShare:
    """Mount the share with its systemd unit, and report why that fails."""

    share: AzureFilesShare
    start: StartMount

    @property
    def summary(self) -> str:
        """State the share, the mount point and the reason."""
        return f"mount {self.share.unc} on {self.start.where} ({self.start.why})"

    def apply(self, host: Host) -> None:
        """Mount it (raises as `mount_failure`)."""
        _load_smb_client(host)
        try:
            self.start.apply(host)
        except (MountFailedError, CommandTimeoutError) as error:
            output = error.output if isinstance(error, MountFailedError) else ""
            raise mount_failure(output, share=self.share, reach=host.reach) from error


@dataclass(frozen=True, slots=True)
class ChangeMountUnit:
    """Write the unit of a share that stays mounted with its old options."""

    where: Path
    text: str = field(repr=False)

    @property
    def summary(self) -> str:
        """State the path and the reason."""
        return f"write {unit_file(self.where)} (options changed, used at the next mount)"

    def apply(self, host: Host) -> None:
        """Write it and reload systemd."""
        write_unit(host, self.where, self.text)


@dataclass(frozen=True, slots=True)
class TryWrite:
    """Write, sync, rename, read and remove a file on the share."""

    path: Path
    why: str

    @property
    def summary(self) -> str:
        """State the path and the reason."""
        return f"write a test file to {self.path} ({self.why})"

    def apply(self, host: Host) -> None:
        """Write it, and record the success.

        Raises:
            ShareNotDirectoryError: the path is not a directory.
            ShareNotWritableError: the write fails, or reads back differently.
        """
        found = host.files.stat(self.path)
        if found is None or found.kind != "directory":
            problem = "does not exist" if found is None else f"is a {found.kind}"
            msg = f"{self.path}: {problem}"
            raise ShareNotDirectoryError(msg)
        file = self.path / _TEST_FILE
        text = host.clock.now().isoformat()
        try:
            host.files.write(file, text, mode=0o600)
            same = host.files.read_text(file) == text
            host.files.remove(file)
        except FileWriteError as error:
            raise ShareNotWritableError(error.message) from error
        if not same:
            msg = f"{file}: does not read back as written"
            raise ShareNotWritableError(msg)
        mount = mount_of(self.path, host.files)
        SHARE_TEST.save(host.files, write_record(self.path, mount))


def write_record(path: Path, mount: Mount | None) -> ShareTestRecord:
    """Return the record of a successful test of `path` on `mount`."""
    if mount is None:
        return ShareTestRecord(str(path), None, None)
    return ShareTestRecord(str(path), mount.number, str(mount.point))


def _load_smb_client(host: Host) -> None:
    """Load the kernel's SMB client; some cloud kernels have it in an extra package."""
    if "\tcifs\n" in (host.files.read_text(_FILE_SYSTEMS) or ""):
        return
    try:
        done = host.run(("modprobe", "cifs"), timeout=30)
    except CommandMissingError as error:
        raise ShareCifsMissingError(error.message) from error
    if not done.ok:
        msg = f"the kernel has no SMB client: {' '.join(done.stderr.split())}"
        raise ShareCifsMissingError(msg)
