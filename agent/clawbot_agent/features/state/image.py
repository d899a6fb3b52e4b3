"""The backend image: facts about the ext4 image on the share, and the plan from them.

The newest image is the bot's memory. Its number is the lease's generation under which it
was made; a holder that never gave the lease back may wake up and write into the image it
had, so its successor goes on with a copy under its own number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.constants import GATEWAY_UID
from clawbot_agent.engine.actions import Action, MakeDirectory
from clawbot_agent.engine.stage import Plan
from clawbot_agent.features.lease.report import LeaseReport, LeaseState, read_report
from clawbot_agent.features.mounts.table import Mount, mount_of
from clawbot_agent.features.mounts.units import unit_file
from clawbot_agent.features.state import directory, image_actions
from clawbot_agent.features.state.check import CheckImage
from clawbot_agent.features.state.directory import DirectoryFacts
from clawbot_agent.features.state.loops import loops
from clawbot_agent.features.state.names import (
    image_directory,
    image_name,
    image_number,
    newest_image,
)
from clawbot_agent.features.state.units import (
    GATEWAY_DROP_IN,
    MountState,
    UnmountState,
    drop_in_actions,
    mount_text,
)
from clawbot_agent.features.state.writeback import SetPatience, impatient
from clawbot_agent.host import Host

__all__ = ["ImageFacts", "look", "plan"]

_GIBIBYTE: Final = 1024**3
_OPTIONS: Final = (
    "loop",
    # all that was written is safe with the next commit, and commits are one piece; see `writeback`
    "data=journal",
    # each write is billed: no times of mere reading, and those of writing with something else
    "noatime",
    "lazytime",
    # OpenClaw syncs every 30 s, and each time all that is in the journal is written; a commit
    # of the file system's own, in between, would come on top
    "commit=60",
    # what is damaged must not be damaged further; the next run checks it
    "errors=remount-ro",
    "nosuid",
    "nodev",
)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """How image and mount are.

    Attributes:
        lease: the lease's report.
        images: names of all images on the share.
        size: bytes of the newest; 0 without one.
        filesystem: bytes of the mounted file system; 0 when not mounted.
        mount: what is mounted at the state's path.
        devices: loop devices and their files.
        unit, drop_in: texts of the mount unit and of the gateway's drop-in.
        directory: what is at the state's path, mounted or not.
        impatient: kernel settings by which it writes too soon, with what they are.
    """

    lease: LeaseReport | None
    images: tuple[str, ...]
    size: int
    filesystem: int
    mount: Mount | None
    unit: str | None
    drop_in: str | None
    directory: DirectoryFacts
    impatient: Mapping[str, int] = field(default_factory=dict)
    devices: Mapping[str, Path] = field(default_factory=dict)


def look(host: Host, config: BotConfig) -> ImageFacts:
    """Look at the share, the mount table, the loop devices and the units."""
    share, path = Path(config.share.path), Path(config.state.path)
    images = tuple(name for name in host.files.list(image_directory(share)) if image_number(name))
    newest = newest_image(images)
    found = host.files.stat(image_directory(share) / newest) if newest else None
    mount = mount_of(path, host.files)
    mounted = mount if mount is not None and mount.point == path else None
    return ImageFacts(
        lease=read_report(host.files),
        images=images,
        size=0 if found is None else found.size,
        filesystem=image_actions.filesystem_bytes(host, mounted.source) if mounted else 0,
        mount=mounted,
        devices=loops(host.files),
        unit=host.files.read_text(unit_file(path)),
        drop_in=host.files.read_text(GATEWAY_DROP_IN),
        directory=directory.look(host, path),
        impatient=impatient(host.files),
    )


def plan(facts: ImageFacts, config: BotConfig) -> Plan:
    """Make, copy, check, mount, grow: what of it is due."""
    path, images = Path(config.state.path), image_directory(Path(config.share.path))
    if facts.lease is None or facts.lease.state is not LeaseState.HELD:
        return Plan("", (image_actions.RequireLease(),))
    newest = newest_image(facts.images)
    name = _wanted(newest, facts.lease)
    image = images / name
    unit = mount_text(what=str(image), where=path, kind="ext4", options=_options(config))
    if refusal := _refusal(facts, newest, path):
        return Plan("", (refusal,))
    actions: list[Action] = []
    actions += (SetPatience(key, found) for key, found in facts.impatient.items())
    if reason := _wrong(facts, image, unit):
        if facts.mount is not None:
            actions.append(UnmountState(path, reason))
        actions += _opening(facts, config, newest=newest, image=image, unit=unit)
    else:
        actions += directory.directory_actions(facts.directory, path)
    if newest and (target := _growth(facts, config)):
        actions.append(image_actions.GrowImage(image, target, config.state.image_size))
    actions += drop_in_actions(facts.drop_in, path, actions)
    actions += [
        image_actions.RemoveImage(images / old, name)
        for old in facts.images
        if image_number(old) < image_number(name)
    ]
    return Plan(_reason(facts, config, name), tuple(actions))


def _refusal(facts: ImageFacts, newest: str | None, path: Path) -> Action | None:
    """What says that nothing can be mounted at the path."""
    found = facts.directory.found
    if facts.mount is not None or found is None:
        return None
    if found.kind != "directory":
        return directory.RefuseState(path, found.kind)
    hidden = facts.directory.names
    return image_actions.RefuseToHide(path, hidden) if hidden and newest is None else None


def _wanted(newest: str | None, lease: LeaseReport) -> str:
    """Name of the image to use: the newest, unless somebody else may still have it open."""
    if newest is None or any(number >= image_number(newest) for number in lease.suspects):
        return image_name(lease.generation)
    return newest


def _wrong(facts: ImageFacts, image: Path, unit: str) -> str:
    """Why the state has to be mounted (anew); empty when it is as it should be."""
    mount = facts.mount
    if mount is None:
        return "not mounted"
    if facts.devices.get(mount.source) != image:
        return f"{facts.devices.get(mount.source, mount.source)} is mounted"
    if mount.read_only:
        return "read-only after an error"
    return "" if facts.unit == unit else "other mount options"


def _opening(
    facts: ImageFacts, config: BotConfig, *, newest: str | None, image: Path, unit: str
) -> list[Action]:
    """From an image on the share, or none, to a mounted state."""
    path = Path(config.state.path)
    actions: list[Action] = []
    size = config.state.image_size_bytes
    if newest is None:
        actions.append(image_actions.CreateImage(image, size))
    elif newest != image.name:
        actions.append(image_actions.CopyImage(image.with_name(newest), image))
    actions.append(CheckImage(image))
    if facts.directory.found is None:
        actions.append(MakeDirectory(path, directory.MODE, "mount point"))
    actions.append(MountState(path, unit, image.name))
    owner = GATEWAY_UID
    actions.append(MakeDirectory(path, directory.MODE, "root of the state", owner, owner))
    return actions


def _growth(facts: ImageFacts, config: BotConfig) -> int:
    """The size that the image has to get; 0 when it is large enough.

    A growth that was interrupted shows as a file system smaller than its image.
    """
    target = max(facts.size, config.state.image_size_bytes)
    if facts.size < target:
        return target
    return target if 0 < facts.filesystem < facts.size else 0


def _options(config: BotConfig) -> tuple[str, ...]:
    # unmounted before the network goes; systemd cannot know that the image lies beyond it
    network = () if config.share.azure_files is None else ("_netdev",)
    return (*_OPTIONS, *network)


def _reason(facts: ImageFacts, config: BotConfig, name: str) -> str:
    size = facts.size / _GIBIBYTE
    text = f"{name} ({size:.0f} GiB) is mounted"
    if facts.size > config.state.image_size_bytes:
        text += f"; state.image_size {config.state.image_size} is less, and an image never shrinks"
    return text
