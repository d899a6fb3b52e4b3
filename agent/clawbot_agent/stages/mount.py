"""The share: what outlives the instance. Here: a directory that is already there.

Reading cannot tell whether a share takes writes, so each mount of it is tried once by
writing. What was tried is remembered until the next boot; forgetting it only means that
it is tried again.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.actions import Action, MakeDirectory
from clawbot_agent.config.model import BotConfig
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.errors import BRIEF, ClawbotError
from clawbot_agent.host import Host
from clawbot_agent.host.files import FileStat, FileWriteError
from clawbot_agent.mounts import Mount, mount_of

__all__ = ["MountFacts", "MountStage", "ShareNotDirectoryError", "ShareNotWritableError"]

_TRIED: Final = Path("/run/clawbot/share.json")
_TRIAL: Final = ".clawbot-write-test"
_MODE: Final = 0o700


class ShareNotDirectoryError(ClawbotError):
    """There is something else than a directory at the share's path."""

    code = "SHARE_NOT_A_DIRECTORY"
    hint = "remove what is there, or set share.path to the directory that is meant"


class ShareNotWritableError(ClawbotError):
    """The share does not take a write, or does not give back what was written."""

    code = "SHARE_NOT_WRITABLE"
    retry = BRIEF
    hint = "check 'findmnt -T PATH' for a read-only mount, and 'df -h' and 'df -i' for room"


@dataclass(frozen=True, slots=True)
class MountFacts:
    """What is at the share's path.

    Attributes:
        found: None when nothing is there.
        mount: the mount that the path lies on; None when unknown.
        tried: the record of the last trial, None without one.
    """

    found: FileStat | None
    mount: Mount | None
    tried: str | None


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
        host.files.write(_TRIED, _record(self.path, mount), mode=0o644)


class MountStage(Stage[MountFacts]):
    """The share is there and takes writes."""

    name = "mount"
    title = "Share"
    phase = Phase.NODE
    budget = 120

    def probe(self, host: Host, config: BotConfig) -> MountFacts:
        """Look at the path, its mount and the record of the last trial."""
        path = Path(config.share.path)
        return MountFacts(
            found=host.files.stat(path),
            mount=mount_of(path, host.files),
            tried=host.files.read_text(_TRIED),
        )

    def plan(self, facts: MountFacts, config: BotConfig) -> Plan:
        """Make a missing directory; try one that was not tried on this mount."""
        path = Path(config.share.path)
        actions: list[Action] = []
        if facts.found is None:
            actions.append(MakeDirectory(path, _MODE, "the share is not there"))
        if why := _doubt(facts, path):
            actions.append(TryShare(path, why))
        return Plan(f"directory {path} takes writes", tuple(actions))


def _doubt(facts: MountFacts, path: Path) -> str | None:
    if facts.found is None:
        return "it is new"
    if facts.found.kind != "directory":
        return f"a {facts.found.kind} is there"
    if facts.mount is not None and facts.mount.read_only:
        return f"{facts.mount.point} is mounted read-only"
    if facts.tried != _record(path, facts.mount):
        return "not tried since this boot or on this mount"
    return None


def _record(path: Path, mount: Mount | None) -> str:
    mounted = None if mount is None else [mount.number, str(mount.point)]
    return json.dumps({"path": str(path), "mount": mounted})
