"""Making, copying, checking and growing the ext4 image that is the bot's memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.core.constants import GATEWAY_UID
from clawbot_agent.features.lease.errors import LeaseLostError
from clawbot_agent.features.state.errors import (
    StateCopyError,
    StateInUseError,
    StateNoRoomError,
    StateToolError,
    StateWouldBeHiddenError,
)
from clawbot_agent.features.state.loops import device_of, loops
from clawbot_agent.features.state.sparse_copy_io import COPY_ARGV
from clawbot_agent.host import Host
from clawbot_agent.host.commands import Completed

__all__ = [
    "CopyImage",
    "CreateImage",
    "GrowImage",
    "RefuseToHide",
    "RemoveImage",
    "RequireLease",
    "filesystem_bytes",
]

_GIBIBYTE: Final = 1024**3
_MODE: Final = "0600"
_TOOL_SECONDS: Final = 300
_COPY_SECONDS: Final = 900
_FULL: Final = ("No space left on device", "Disk quota exceeded", "File too large")
_SHOWN: Final = 5
_MAKE: Final = (
    *("mkfs.ext4", "-q", "-F", "-L", "clawbot-state"),
    # all of it is the gateway's: nothing kept back for root
    *("-m", "0"),
    # a file for each 32 KiB: half the usual inode tables, still 262,144 files in 8 GiB
    *("-i", "32768"),
    # a new sparse file reads as zeros: inode tables need not be written, now or later
    *("-E", f"assume_storage_prezeroed=1,nodiscard,root_owner={GATEWAY_UID}:{GATEWAY_UID}"),
)


@dataclass(frozen=True, slots=True)
class RequireLease:
    """Say that the lease is gone."""

    summary: str = "use the state under the lease (it is not held)"

    def apply(self, host: Host) -> None:
        """Refuse.

        Raises:
            LeaseLostError: always.
        """
        del host
        msg = "the lease of the bot's memory is not held"
        raise LeaseLostError(msg)


@dataclass(frozen=True, slots=True)
class RefuseToHide:
    """Say that an empty state would hide an older one."""

    path: Path
    names: tuple[str, ...]

    @property
    def summary(self) -> str:
        """What is in the way."""
        return f"mount an empty state over {self.path} ({len(self.names)} entries are there)"

    def apply(self, host: Host) -> None:
        """Refuse.

        Raises:
            StateWouldBeHiddenError: always.
        """
        del host
        shown = ", ".join(self.names[:_SHOWN])
        msg = f"{self.path} already holds {shown}; a new, empty state would be mounted over it"
        raise StateWouldBeHiddenError(msg)


@dataclass(frozen=True, slots=True)
class CreateImage:
    """Make an empty image; it gets its name when it is whole."""

    path: Path
    size: int

    @property
    def summary(self) -> str:
        """Path and size."""
        return f"make {self.path}, {self.size // _GIBIBYTE} GiB, ext4, sparse"

    def apply(self, host: Host) -> None:
        """Make it.

        Raises:
            StateNoRoomError: the share is too small.
            StateToolError: mkfs failed.
        """
        draft = _draft(self.path)
        host.files.mkdir(self.path.parent, mode=0o700)
        host.files.remove(draft)
        _tool(host, "install", "-m", _MODE, "/dev/null", str(draft))
        _tool(host, "truncate", f"--size={self.size}", str(draft))
        _tool(host, *_MAKE, str(draft))
        _publish(host, draft, self.path)


@dataclass(frozen=True, slots=True)
class CopyImage:
    """Copy an image that somebody else may still have open; the copy is ours alone."""

    source: Path
    target: Path

    @property
    def summary(self) -> str:
        """Which and why."""
        why = "its last holder did not give it back and may still write into it"
        return f"copy {self.source.name} to {self.target.name} ({why})"

    def apply(self, host: Host) -> None:
        """Copy, with everybody else kept from writing; the server does it when it can.

        Raises:
            StateNoRoomError: the share is full.
            StateCopyError: it could not be read or locked.
        """
        draft = _draft(self.target)
        host.files.remove(draft)
        host.note(f"copying {self.source.name}: its last holder may still write into it")
        argv = (*COPY_ARGV, str(self.source), str(draft))
        done = host.run(argv, timeout=_COPY_SECONDS)
        if not done.ok:
            host.files.remove(draft)
            raise _no_room(done) or StateCopyError(done.stderr.strip())
        _publish(host, draft, self.target)


@dataclass(frozen=True, slots=True)
class GrowImage:
    """Make image and file system larger, while they are mounted."""

    path: Path
    size: int
    wanted: str

    @property
    def summary(self) -> str:
        """Which, and to what size."""
        return f"grow {self.path.name} to {self.size // _GIBIBYTE} GiB"

    def apply(self, host: Host) -> None:
        """Grow it; resize2fs works online and leaves an interrupted growth to be repeated.

        Raises:
            StateNoRoomError: the share is too small.
            StateToolError: a tool failed.
        """
        found = host.files.stat(self.path)
        if found is None or found.size < self.size:
            _tool(host, "truncate", f"--size={self.size}", str(self.path))
        device = device_of(self.path, loops(host.files))
        if device is None:
            msg = f"{self.path} has no loop device"
            raise StateToolError(msg)
        _tool(host, "losetup", "--set-capacity", device)
        _tool(host, "resize2fs", device)


@dataclass(frozen=True, slots=True)
class RemoveImage:
    """Remove an image that a newer one has replaced."""

    path: Path
    newer: str

    @property
    def summary(self) -> str:
        """Which and why."""
        return f"remove {self.path.name} ({self.newer} is newer)"

    def apply(self, host: Host) -> None:
        """Remove it."""
        host.files.remove(self.path)


def filesystem_bytes(host: Host, device: str) -> int:
    """Size of the ext4 on a device; 0 when it cannot be told."""
    done = host.run(("dumpe2fs", "-h", device), timeout=15)
    fields = dict(line.split(":", 1) for line in done.stdout.splitlines() if ":" in line)
    try:
        return int(fields["Block count"]) * int(fields["Block size"])
    except (KeyError, ValueError):
        return 0


def refuse_open_image(host: Host, path: Path) -> None:
    """Let nobody work on an image that the kernel has open.

    Raises:
        StateInUseError: it has.
    """
    device = device_of(path, loops(host.files))
    if device is not None:
        msg = f"{path} is still open as {device}"
        raise StateInUseError(msg)


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _publish(host: Host, draft: Path, path: Path) -> None:
    """Give a finished image its name."""
    _tool(host, "sync", str(draft))
    host.files.rename(draft, path)


def _tool(host: Host, *argv: str) -> None:
    done = host.run(argv, timeout=_TOOL_SECONDS)
    if not done.ok:
        raise _no_room(done) or StateToolError(_said(done))


def _no_room(done: Completed) -> StateNoRoomError | None:
    return StateNoRoomError(_said(done)) if any(text in done.stderr for text in _FULL) else None


def _said(done: Completed) -> str:
    said = " ".join((done.stderr.strip() or done.stdout.strip()).split())[-400:]
    return f"{done.argv[0]} ended with status {done.returncode}: {said}"
