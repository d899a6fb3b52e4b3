"""Which disks are nearly full, and what of others than the bot could go from them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.features.disk_space.removables import (
    JOURNAL_KEPT,
    CleanApt,
    PruneBuildCache,
    Removable,
    RemoveFiles,
    RemoveUnusedImage,
    VacuumJournal,
)
from clawbot_agent.features.image.recipe import VERSION_LABEL
from clawbot_agent.features.mounts.table import mount_of
from clawbot_agent.host import Host
from clawbot_agent.host.space import Space

__all__ = ["Scarce", "removables", "scarce_disks"]

_IMAGES: Final = (Path("/var/lib/docker"), Path("/var/lib/containerd"))
_LOGS: Final = Path("/var/log")
_JOURNAL: Final = _LOGS / "journal"
_APT: Final = Path("/var/cache/apt/archives")
_CRASHES: Final = (Path("/var/crash"), Path("/var/lib/systemd/coredump"))
_PLACES: Final = (Path("/"), _LOGS, _APT, *_IMAGES, *_CRASHES)
# a look at one of these may never end
_REMOTE: Final = frozenset({"cifs", "smb3", "nfs", "nfs4", "fuse", "9p"})
_ROTATED: Final = re.compile(r"\.(\d+|old)(\.(gz|xz|zst|bz2))?$|\.(gz|xz|zst|bz2)$")
# ours are small, and tell the story; the journal has a tool of its own
_KEPT_LOGS: Final = frozenset({"clawbot", "journal"})

_SCARCE: Final = 0.15
# of a large disk 15 % is no lack
_ENOUGH_BYTES: Final = 10 * 10**9


@dataclass(frozen=True, slots=True)
class Scarce:
    """A file system with little room left, and how much: shares of bytes and of inodes."""

    point: Path
    free_bytes: float
    free_files: float

    def __str__(self) -> str:
        """For people."""
        return f"{self.point} has {self.free_bytes:.0%} of bytes, {self.free_files:.0%} of inodes"


def scarce_disks(host: Host) -> tuple[Scarce, ...]:
    """Those with less than 15 % (and 10 GB) of their room left, or 15 % of their inodes."""
    found: dict[Path, Scarce] = {}
    for place in _PLACES:
        mount = mount_of(place, host.files)
        if mount is None or mount.kind in _REMOTE or host.files.stat(place) is None:
            continue
        if (scarce := _scarce(mount.point, host.space(place))) is not None:
            found[mount.point] = scarce
    return tuple(found.values())


def removables(host: Host, config: BotConfig, scarce: tuple[Scarce, ...]) -> tuple[Removable, ...]:
    """What would make room on one of these disks; what is cheapest to have again comes first."""
    points = {one.point for one in scarce}

    def helps(places: tuple[Path, ...]) -> bool:
        mounts = (mount_of(place, host.files) for place in places)
        return any(mount is not None and mount.point in points for mount in mounts)

    found = [one for one in _of_files(host) if helps(one.places)]
    if helps(_IMAGES) and host.docker.info() is not None:
        found += _of_docker(host, config)
    return tuple(found)


def _scarce(point: Path, space: Space) -> Scarce | None:
    # some file systems count neither
    free_bytes = space.free_bytes / space.total_bytes if space.total_bytes else 1.0
    free_files = space.free_files / space.total_files if space.total_files else 1.0
    few_bytes = free_bytes < _SCARCE and space.free_bytes < _ENOUGH_BYTES
    return Scarce(point, free_bytes, free_files) if few_bytes or free_files < _SCARCE else None


def _of_files(host: Host) -> Iterator[Removable]:
    packages = _files(host, _APT, re.compile(r"\.deb$"))
    if packages:
        yield CleanApt(_APT, sum(packages.values()))
    rotated = _files(host, _LOGS, _ROTATED)
    for name in host.files.list(_LOGS):
        if name not in _KEPT_LOGS:
            rotated |= _files(host, _LOGS / name, _ROTATED)
    if rotated:
        yield RemoveFiles("rotated logs", tuple(rotated), sum(rotated.values()))
    crashes: dict[Path, int] = {}
    for place in _CRASHES:
        crashes |= _files(host, place, re.compile(""))
    if crashes:
        yield RemoveFiles("crash dumps", tuple(crashes), sum(crashes.values()))
    # those that are written to have no @ in their names, and stay
    old: dict[Path, int] = {}
    for machine in host.files.list(_JOURNAL):
        old |= _files(host, _JOURNAL / machine, re.compile(r"@.*\.journal"))
    if sum(old.values()) > JOURNAL_KEPT:
        yield VacuumJournal(_JOURNAL, sum(old.values()))


def _files(host: Host, folder: Path, named: re.Pattern[str]) -> dict[Path, int]:
    """Sizes of the plain files in `folder` with such a name."""
    paths = (folder / name for name in host.files.list(folder) if named.search(name))
    found = ((path, host.files.stat(path)) for path in paths)
    return {path: stat.size for path, stat in found if stat is not None and stat.kind == "file"}


def _of_docker(host: Host, config: BotConfig) -> Iterator[Removable]:
    if (cached := host.docker.build_cache_bytes()) > 0:
        yield PruneBuildCache(cached, _IMAGES)
    wanted = host.docker.image(config.image_tag)
    kept = host.docker.images_in_use() | {str((wanted or {}).get("Id"))}
    ours = host.docker.list_images(label=VERSION_LABEL)
    for image in _once((*host.docker.dangling_images(), *ours)):
        if str(image["Id"]) not in kept:
            for reference in _references(image):
                yield RemoveUnusedImage(reference, int(image.get("Size") or 0), _IMAGES)


def _once(images: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    return tuple({str(image["Id"]): image for image in images}.values())


def _references(image: dict[str, Any]) -> list[str]:
    tags = [tag for tag in image.get("RepoTags") or () if tag != "<none>:<none>"]
    return tags or [str(image["Id"])]
