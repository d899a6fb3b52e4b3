"""Stage `disk-space`: when a local disk is nearly full, remove what the bot does not need.

While the disks have free space, the stage only checks them. It needs no other stage, because a full
disk breaks apt and Docker.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.engine.actions import Action
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.features.disk_space.actions import (
    JOURNAL_KEPT,
    CleanApt,
    PruneBuildCache,
    RemoveFiles,
    VacuumJournal,
    megabytes,
)
from clawbot_agent.features.image.actions import RemoveImage, references
from clawbot_agent.features.image.recipe import VERSION_LABEL
from clawbot_agent.features.mounts.table import mount_of
from clawbot_agent.host import Host
from clawbot_agent.host.files import Space

_IMAGES: Final = (Path("/var/lib/docker"), Path("/var/lib/containerd"))
_LOGS: Final = Path("/var/log")
_JOURNAL: Final = _LOGS / "journal"
_APT: Final = Path("/var/cache/apt/archives")
_CRASHES: Final = (Path("/var/crash"), Path("/var/lib/systemd/coredump"))
_PLACES: Final = (Path("/"), _LOGS, _APT, *_IMAGES, *_CRASHES)
# a check of one of these may hang
_REMOTE: Final = frozenset({"cifs", "smb3", "nfs", "nfs4", "fuse", "9p"})
_ROTATED: Final = re.compile(r"\.(\d+|old)(\.(gz|xz|zst|bz2))?$|\.(gz|xz|zst|bz2)$")
# the agent's logs are small and needed for diagnosis; the journal has its own action
_KEPT_LOGS: Final = frozenset({"clawbot", "journal"})
_SCARCE: Final = 0.15
# on a large disk less than 15 % may still be plenty
_ENOUGH_BYTES: Final = 10 * 10**9


@dataclass(frozen=True, slots=True)
class ScarceDisk:
    """A file system that is nearly full, with its free shares of bytes and of inodes."""

    point: Path
    free_bytes: float
    free_files: float

    def __str__(self) -> str:
        """As the plan shows it."""
        return f"{self.point} has {self.free_bytes:.0%} of bytes, {self.free_files:.0%} of inodes"


@dataclass(frozen=True, slots=True)
class DiskSpaceFacts:
    """The local disks as they are.

    Attributes:
        scarce: those that are nearly full.
        removals: what would free space on them; not determined for others.
    """

    scarce: tuple[ScarceDisk, ...] = ()
    removals: tuple[Action, ...] = ()


class DiskSpaceStage(Stage[DiskSpaceFacts]):
    """The local disks have free space."""

    name = "disk-space"
    title = "Disk space"
    phase = Phase.BASE
    budget = 300

    def required(self, config: BotConfig) -> bool:
        """A full disk makes other stages fail, with their own errors."""
        del config
        return False

    def probe(self, host: Host, config: BotConfig) -> DiskSpaceFacts:
        """Check the disks, and list what can be removed from those that are nearly full."""
        scarce = _scarce_disks(host)
        return DiskSpaceFacts(scarce, _removals(host, config, scarce) if scarce else ())

    def plan(self, facts: DiskSpaceFacts, config: BotConfig) -> Plan:
        """Remove everything removable from a disk that is nearly full."""
        del config
        if not facts.scarce:
            return Plan("the disks have free space")
        free = "; ".join(str(disk) for disk in facts.scarce)
        return Plan(f"{free} free, and nothing is left to remove", facts.removals)


def _scarce_disks(host: Host) -> tuple[ScarceDisk, ...]:
    """Return those with less than 15 % (and 10 GB) free, or less than 15 % of inodes."""
    found: dict[Path, ScarceDisk] = {}
    for place in _PLACES:
        mount = mount_of(place, host.files)
        if mount is None or mount.kind in _REMOTE or host.files.stat(place) is None:
            continue
        if (scarce := _scarce(mount.point, host.space(place))) is not None:
            found[mount.point] = scarce
    return tuple(found.values())


def _scarce(point: Path, space: Space) -> ScarceDisk | None:
    # some file systems count neither
    free_bytes = space.free_bytes / space.total_bytes if space.total_bytes else 1.0
    free_files = space.free_files / space.total_files if space.total_files else 1.0
    few_bytes = free_bytes < _SCARCE and space.free_bytes < _ENOUGH_BYTES
    return ScarceDisk(point, free_bytes, free_files) if few_bytes or free_files < _SCARCE else None


def _removals(host: Host, config: BotConfig, scarce: tuple[ScarceDisk, ...]) -> tuple[Action, ...]:
    """Return what frees space on one of these disks, the cheapest to restore first."""
    points = {disk.point for disk in scarce}

    def helps(*places: Path) -> bool:
        mounts = (mount_of(place, host.files) for place in places)
        return any(mount is not None and mount.point in points for mount in mounts)

    found = [action for place, action in _of_files(host) if helps(place)]
    if helps(*_IMAGES) and host.docker.info() is not None:
        found += _of_docker(host, config)
    return tuple(found)


def _of_files(host: Host) -> Iterator[tuple[Path, Action]]:
    """Yield actions with the place where each frees space."""
    packages = _files(host, _APT, re.compile(r"\.deb$"))
    if packages:
        yield _APT, CleanApt(sum(packages.values()))
    rotated = _files(host, _LOGS, _ROTATED)
    for name in host.files.list(_LOGS):
        if name not in _KEPT_LOGS:
            rotated |= _files(host, _LOGS / name, _ROTATED)
    if rotated:
        yield next(iter(rotated)), RemoveFiles("rotated logs", rotated)
    crashes: dict[Path, int] = {}
    for place in _CRASHES:
        crashes |= _files(host, place, re.compile(""))
    if crashes:
        yield next(iter(crashes)), RemoveFiles("crash dumps", crashes)
    # the active journal files have no @ in their names, and are kept
    old: dict[Path, int] = {}
    for machine in host.files.list(_JOURNAL):
        old |= _files(host, _JOURNAL / machine, re.compile(r"@.*\.journal"))
    if sum(old.values()) > JOURNAL_KEPT:
        yield _JOURNAL, VacuumJournal(sum(old.values()))


def _files(host: Host, folder: Path, named: re.Pattern[str]) -> dict[Path, int]:
    """Return the sizes of the regular files in `folder` with a matching name."""
    paths = (folder / name for name in host.files.list(folder) if named.search(name))
    found = ((path, host.files.stat(path)) for path in paths)
    return {path: stat.size for path, stat in found if stat is not None and stat.kind == "file"}


def _of_docker(host: Host, config: BotConfig) -> Iterator[Action]:
    if (cached := host.docker.build_cache_bytes()) > 0:
        yield PruneBuildCache(cached)
    wanted = host.docker.image(config.image_tag)
    kept = host.docker.images_in_use() | {str((wanted or {}).get("Id"))}
    images = (*host.docker.dangling_images(), *host.docker.list_images(label=VERSION_LABEL))
    for key, image in {str(image["Id"]): image for image in images}.items():
        if key not in kept:
            why = f"not in use, {megabytes(int(image.get('Size') or 0))}"
            yield from (RemoveImage(reference, why) for reference in references(image))
