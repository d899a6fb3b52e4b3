"""Actions on the data image (create, copy, check, grow), and the kernel settings for its mount."""

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.core.constants import GATEWAY_UID
from clawbot_agent.features.state.errors import (
    StateCopyError,
    StateDamagedError,
    StateInUseError,
    StateNoSpaceError,
    StateToolError,
)
from clawbot_agent.host import Host
from clawbot_agent.host.commands import Completed
from clawbot_agent.host.files import FileReadError, Files
from clawbot_agent.host.isolation import program

GIBIBYTE: Final = 1024**3
_TOOL_SECONDS: Final = 300
_COPY_SECONDS: Final = 900
_CHECK_SECONDS: Final = 900
_SYSCTL_SECONDS: Final = 10
_FULL: Final = ("No space left on device", "Disk quota exceeded", "File too large")
_FULL_ERRORS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_SPARSE_COPY: Final = program("clawbot_agent.features.state.sparse_copy_io")
_MKFS: Final = (
    *("mkfs.ext4", "-q", "-F", "-L", "clawbot-state"),
    # no reserve for root: all space is the gateway's
    *("-m", "0"),
    # one inode for each 32 KiB: half the usual inode tables, still 262,144 files in 8 GiB
    *("-i", "32768"),
    # a new sparse file reads as zeros: inode tables need not be written, now or later
    *("-E", f"assume_storage_prezeroed=1,nodiscard,root_owner={GATEWAY_UID}:{GATEWAY_UID}"),
)
_LOGS: Final = Path("/var/log/clawbot")
# e2fsck(8): errors corrected; and a reboot is required, which applies to mounted roots only
_FSCK_SUCCESS: Final = 1 | 2
_BLOCK: Final = Path("/sys/block")
_SYSCTL: Final = Path("/proc/sys")
# With `data=journal` each commit contains all earlier writes, so a power loss costs none of them.
# Until the journal is full, writing the same blocks to their final place is not needed, and each
# such write to the share is billed. Both settings are global (admin-guide/sysctl/vm.rst): the age
# at which dirty data is written, and how often the kernel checks. The age alone is not enough:
# once metadata has that age, each check writes it, because each commit makes it dirty again.
# Hundredths of a second; the defaults are 3000 and 500.
WRITEBACK: Final[Mapping[str, int]] = {
    "vm.dirty_expire_centisecs": 60_000,
    "vm.dirty_writeback_centisecs": 60_000,
}


@dataclass(frozen=True, slots=True)
class CreateImage:
    """Create an empty data image; it gets its name when it is complete."""

    path: Path
    size: int

    @property
    def summary(self) -> str:
        """Path and size."""
        return f"create {self.path}, {self.size // GIBIBYTE} GiB, ext4, sparse"

    def apply(self, host: Host) -> None:
        """Create it.

        Raises:
            StateNoSpaceError: the share is too small.
            StateToolError: mkfs failed.
        """
        draft = _draft(self.path)
        host.files.mkdir(self.path.parent, mode=0o700)
        host.files.remove(draft)
        _tool(host, "install", "-m", "0600", "/dev/null", str(draft))
        _tool(host, "truncate", f"--size={self.size}", str(draft))
        _tool(host, *_MKFS, str(draft))
        _publish(host, draft, self.path)


@dataclass(frozen=True, slots=True)
class CopyImage:
    """Copy a data image that another instance may still have open, to have a private one."""

    source: Path
    target: Path

    @property
    def summary(self) -> str:
        """Which and why."""
        why = "its last holder did not release it and may still write to it"
        return f"copy {self.source.name} to {self.target.name} ({why})"

    def apply(self, host: Host) -> None:
        """Copy under a lock against writers, on the server where possible.

        Raises:
            StateNoSpaceError: the share is full.
            StateCopyError: the source could not be read or locked.
            ShareHungError: it took too long; the share error in other cases.
        """
        draft = _draft(self.target)
        host.files.remove(draft)
        host.note(f"copying {self.source.name}: its last holder may still write to it")
        try:
            host.isolated(
                _SPARSE_COPY,
                "copy",
                {"source": str(self.source), "target": str(draft)},
                subject=self.source,
                seconds=_COPY_SECONDS,
            )
        except FileReadError as error:
            host.files.remove(draft)
            kind = StateNoSpaceError if error.number in _FULL_ERRORS else StateCopyError
            msg = f"copying {error.message}"
            raise kind(msg) from error
        _publish(host, draft, self.target)


@dataclass(frozen=True, slots=True)
class CheckImage:
    """Run e2fsck before a mount: replay the journal and repair the damage of a power loss."""

    path: Path

    @property
    def summary(self) -> str:
        """Which."""
        return f"check {self.path.name} (e2fsck)"

    def apply(self, host: Host) -> None:
        """Repair without loss if possible, else with loss, which is logged.

        Raises:
            StateInUseError: the kernel still has the data image open.
            StateDamagedError: beyond repair.
        """
        if device := _loop_device(host, self.path):
            msg = f"{self.path}: still open as {device}"
            raise StateInUseError(msg)
        name = self.path.name
        preened = host.run(("e2fsck", "-p", str(self.path)), timeout=_CHECK_SECONDS)
        if not _fsck_failed(preened):
            if preened.returncode:
                host.note(f"e2fsck corrected {name}: {_first_line(preened)}")
            return
        host.note(f"{name} is damaged, e2fsck repairs it: {_first_line(preened)}")
        repaired = host.run(("e2fsck", "-f", "-y", str(self.path)), timeout=_CHECK_SECONDS)
        log = _LOGS / f"e2fsck-{host.clock.now():%Y%m%dT%H%M%S}.log"
        host.files.write(log, preened.stdout + repaired.stdout + repaired.stderr, mode=0o600)
        if _fsck_failed(repaired):
            msg = f"{self.path}: e2fsck ended with status {repaired.returncode}, see {log}"
            raise StateDamagedError(msg)
        host.note(f"{name} is repaired; see lost+found for recovered files, and {log}")


@dataclass(frozen=True, slots=True)
class GrowImage:
    """Grow the data image and its file system while mounted."""

    path: Path
    size: int

    @property
    def summary(self) -> str:
        """Which, and to what size."""
        return f"grow {self.path.name} to {self.size // GIBIBYTE} GiB"

    def apply(self, host: Host) -> None:
        """Grow it; an interrupted growth can be repeated.

        Raises:
            StateNoSpaceError: the share is too small.
            StateToolError: a tool failed.
        """
        found = host.files.stat(self.path)
        if found is None or found.size < self.size:
            _tool(host, "truncate", f"--size={self.size}", str(self.path))
        device = _loop_device(host, self.path)
        if device is None:
            msg = f"{self.path}: no loop device"
            raise StateToolError(msg)
        _tool(host, "losetup", "--set-capacity", device)
        _tool(host, "resize2fs", device)


@dataclass(frozen=True, slots=True)
class SetWriteback:
    """Set one of `WRITEBACK` until the next boot."""

    key: str
    found: int

    @property
    def summary(self) -> str:
        """Old and new value."""
        return f"set {self.key} to {WRITEBACK[self.key]} (it is {self.found}; each write is billed)"

    def apply(self, host: Host) -> None:
        """Set it."""
        argv = ("sysctl", "--quiet", "--write", f"{self.key}={WRITEBACK[self.key]}")
        host.run(argv, timeout=_SYSCTL_SECONDS).require()


def writeback_drift(files: Files) -> Mapping[str, int]:
    """Return the settings that differ from `WRITEBACK`, with their values."""
    texts = {key: files.read_text(_SYSCTL / key.replace(".", "/")) or "" for key in WRITEBACK}
    found = {key: int(text) for key, text in texts.items() if text.strip().isdecimal()}
    return {key: value for key, value in found.items() if value != WRITEBACK[key]}


def filesystem_bytes(host: Host, device: str) -> int:
    """Return the size of the ext4 file system on a device; 0 if it cannot be read."""
    done = host.run(("dumpe2fs", "-h", device), timeout=15)
    fields = dict(line.split(":", 1) for line in done.stdout.splitlines() if ":" in line)
    try:
        return int(fields["Block count"]) * int(fields["Block size"])
    except (KeyError, ValueError):
        return 0


def loop_devices(files: Files) -> dict[str, Path]:
    """Return the backing file of each loop device ("/dev/loop0"), without touching the file."""
    found: dict[str, Path] = {}
    for name in files.list(_BLOCK):
        file = _BLOCK / name / "loop" / "backing_file"
        if name.startswith("loop") and (text := (files.read_text(file) or "").rstrip("\n")):
            # the kernel marks a file that was removed meanwhile
            found[f"/dev/{name}"] = Path(text.removesuffix(" (deleted)"))
    return found


def _loop_device(host: Host, image: Path) -> str | None:
    devices = loop_devices(host.files)
    return next((device for device, file in devices.items() if file == image), None)


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _publish(host: Host, draft: Path, path: Path) -> None:
    """Give a complete data image its name."""
    _tool(host, "sync", str(draft))
    host.files.rename(draft, path)


def _tool(host: Host, *argv: str) -> None:
    done = host.run(argv, timeout=_TOOL_SECONDS)
    if not done.ok:
        raise _no_space(done) or StateToolError(_failure(done))


def _no_space(done: Completed) -> StateNoSpaceError | None:
    full = any(text in done.stderr for text in _FULL)
    return StateNoSpaceError(_failure(done)) if full else None


def _failure(done: Completed) -> str:
    output = " ".join((done.stderr.strip() or done.stdout.strip()).split())[-400:]
    return f"{done.argv[0]}: ended with status {done.returncode}: {output}"


def _fsck_failed(done: Completed) -> bool:
    return bool(done.returncode & ~_FSCK_SUCCESS)


def _first_line(done: Completed) -> str:
    text = done.stdout.strip() or done.stderr.strip()
    return text.splitlines()[0] if text else f"status {done.returncode}"
