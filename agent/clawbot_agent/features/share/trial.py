"""Whether the share takes writes: tried once for each mount of it.

Reading cannot tell. What was tried is remembered until the next boot; forgetting it only
means that it is tried again.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause
from clawbot_agent.features.mounts.table import Mount, mount_of
from clawbot_agent.host import Host
from clawbot_agent.host.files import FileWriteError

__all__ = [
    "ShareNotDirectoryError",
    "ShareNotWritableError",
    "TryShare",
    "last_trial",
    "record",
]

_TRIED: Final = Path("/run/clawbot/share.json")
_TRIAL: Final = ".clawbot-write-test"


class ShareNotDirectoryError(ClawbotError):
    """There is something else than a directory at the share's path."""

    code = "SHARE_NOT_A_DIRECTORY"
    cause = FailureCause.OPERATOR
    hint = "remove what is there, or set share.path to the directory that is meant"


class ShareNotWritableError(ClawbotError):
    """The share does not take a write, or does not give back what was written."""

    code = "SHARE_NOT_WRITABLE"
    cause = FailureCause.OPERATOR
    retry = BRIEF
    hint = "check 'findmnt -T PATH' for a read-only mount, and 'df -h' and 'df -i' for room"


@dataclass(frozen=True, slots=True)
class TryShare:
    """Write, sync, rename, read and remove a file on the share."""

    path: Path
    why: str

    @property
    def summary(self) -> str:
        """Path and reason."""
        return f"try a write on {self.path} ({self.why})"

    def apply(self, host: Host) -> None:
        """Try it.

        Raises:
            ShareNotDirectoryError: no directory there.
            ShareNotWritableError: refused, or read back differently.
        """
        found = host.files.stat(self.path)
        if found is None or found.kind != "directory":
            msg = f"{self.path} is {'not there' if found is None else 'a ' + found.kind}"
            raise ShareNotDirectoryError(msg)
        trial = self.path / _TRIAL
        text = host.clock.now().isoformat()
        try:
            host.files.write(trial, text, mode=0o600)
            same = host.files.read_text(trial) == text
            host.files.remove(trial)
        except FileWriteError as error:
            raise ShareNotWritableError(error.message) from error
        if not same:
            msg = f"{trial} does not read back as it was written"
            raise ShareNotWritableError(msg)
        mount = mount_of(self.path, host.files)
        host.files.write(_TRIED, record(self.path, mount), mode=0o644)


def last_trial(host: Host) -> str | None:
    """What was recorded; None without a trial since the boot."""
    return host.files.read_text(_TRIED)


def record(path: Path, mount: Mount | None) -> str:
    """What a trial of `path` on `mount` leaves."""
    mounted = None if mount is None else [mount.number, str(mount.point)]
    return json.dumps({"path": str(path), "mount": mounted})
