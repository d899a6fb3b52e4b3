"""The backend `image`: facts about the data image on the share, and the plan from them.

The newest data image holds the bot data. Its number is the lease's generation under which it was
created. An earlier holder that never released the lease may resume and write to the image it had,
so its successor continues with a copy under its own number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.constants import GATEWAY_UID
from clawbot_agent.engine.actions import Action, MakeDirectory, Refuse, RemovePath
from clawbot_agent.engine.stage import Plan
from clawbot_agent.features.mounts.table import Mount, mounted_at
from clawbot_agent.features.mounts.units import unit_file
from clawbot_agent.features.state import directory
from clawbot_agent.features.state.directory import DirectoryFacts
from clawbot_agent.features.state.image_actions import (
    GIBIBYTE,
    CheckImage,
    CopyImage,
    CreateImage,
    GrowImage,
    SetWriteback,
    filesystem_bytes,
    loop_devices,
    writeback_drift,
)
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
    mount_drift,
    mount_text,
)
from clawbot_agent.host import Host
from clawbot_agent.records.lease import LEASE, LeaseReport, LeaseState

_OPTIONS: Final = (
    "loop",
    # a commit makes all earlier writes durable at once; see `WRITEBACK`
    "data=journal",
    # each write is billed: no access times, and other times only along with other writes
    "noatime",
    "lazytime",
    # OpenClaw syncs every 30 s, which writes the whole journal; the file system's own commits
    # in between would add to that
    "commit=60",
    # a damaged file system must not be damaged further; the next run checks it
    "errors=remount-ro",
    "nosuid",
    "nodev",
)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Data image and mount as they are.

    Attributes:
        lease: the lease's report.
        images: names of all data images on the share.
        size: bytes of the newest; 0 without one.
        filesystem: bytes of the mounted file system; 0 if not mounted.
        mount: what is mounted at the state directory.
        unit, drop_in: texts of the mount unit and of the gateway's drop-in.
        directory: the state directory, mounted or not.
        writeback: kernel settings that differ from `WRITEBACK`, with their values.
        devices: loop devices and their files.
    """

    lease: LeaseReport | None
    images: tuple[str, ...]
    size: int
    filesystem: int
    mount: Mount | None
    unit: str | None
    drop_in: str | None
    directory: DirectoryFacts
    writeback: Mapping[str, int] = field(default_factory=dict)
    devices: Mapping[str, Path] = field(default_factory=dict)


def probe(host: Host, config: BotConfig) -> ImageFacts:
    """Inspect the share, the mount table, the loop devices and the units."""
    share, path = Path(config.share.path), Path(config.state.path)
    images = tuple(name for name in host.files.list(image_directory(share)) if image_number(name))
    newest = newest_image(images)
    found = host.files.stat(image_directory(share) / newest) if newest else None
    mounted = mounted_at(path, host.files)
    return ImageFacts(
        lease=LEASE.load(host.files),
        images=images,
        size=0 if found is None else found.size,
        filesystem=filesystem_bytes(host, mounted.source) if mounted else 0,
        mount=mounted,
        devices=loop_devices(host.files),
        unit=host.files.read_text(unit_file(path)),
        drop_in=host.files.read_text(GATEWAY_DROP_IN),
        directory=directory.probe_directory(host, path),
        writeback=writeback_drift(host.files),
    )


def plan(facts: ImageFacts, config: BotConfig) -> Plan:
    """Create, copy, check, mount and grow the data image as needed."""
    path, images = Path(config.state.path), image_directory(Path(config.share.path))
    if facts.lease is None or facts.lease.state is not LeaseState.HELD:
        return Plan("", (directory.lease_required(),))
    newest = newest_image(facts.images)
    name = _wanted(newest, facts.lease)
    image = images / name
    # unmounted before the network goes; systemd cannot know that the image is on a remote share
    network = () if config.share.azure_files is None else ("_netdev",)
    unit = mount_text(what=str(image), where=path, kind="ext4", options=(*_OPTIONS, *network))
    if refusal := _refusal(facts, newest, path):
        return Plan("", (refusal,))
    actions: list[Action] = [SetWriteback(key, found) for key, found in facts.writeback.items()]
    device = "" if facts.mount is None else facts.mount.source
    mounted, same_unit = str(facts.devices.get(device, device)), facts.unit == unit
    if why := mount_drift(facts.mount, mounted, str(image), same_unit=same_unit):
        if facts.mount is not None:
            actions.append(UnmountState(path, why))
        actions += _opening(facts, config, newest=newest, image=image, unit=unit)
    else:
        actions += directory.directory_actions(facts.directory, path)
    if newest and (target := _growth(facts, config)):
        actions.append(GrowImage(image, target))
    actions += drop_in_actions(facts.drop_in, path, actions)
    actions += [
        RemovePath(images / old, f"{name} is newer")
        for old in facts.images
        if image_number(old) < image_number(name)
    ]
    return Plan(_reason(facts, config, name), tuple(actions))


def _refusal(facts: ImageFacts, newest: str | None, path: Path) -> Refuse | None:
    """Return why nothing can be mounted at the path."""
    found, hidden = facts.directory.found, facts.directory.names
    if facts.mount is not None or found is None:
        return None
    if found.kind != "directory":
        return directory.not_a_directory(path, found.kind)
    return directory.would_be_hidden(path, hidden) if hidden and newest is None else None


def _wanted(newest: str | None, lease: LeaseReport) -> str:
    """Return the data image to use: the newest, unless an earlier holder may have it open."""
    if newest is None or any(number >= image_number(newest) for number in lease.suspects):
        return image_name(lease.generation)
    return newest


def _opening(
    facts: ImageFacts, config: BotConfig, *, newest: str | None, image: Path, unit: str
) -> list[Action]:
    """Return what leads from a data image on the share, or none, to a mounted one."""
    path = Path(config.state.path)
    actions: list[Action] = []
    if newest is None:
        actions.append(CreateImage(image, config.state.image_size_bytes))
    elif newest != image.name:
        actions.append(CopyImage(image.with_name(newest), image))
    actions.append(CheckImage(image))
    if facts.directory.found is None:
        actions.append(MakeDirectory(path, directory.MODE, "mount point"))
    owner, why = GATEWAY_UID, "root of the bot data"
    actions.append(MountState(path, unit, image.name))
    actions.append(MakeDirectory(path, directory.MODE, why, owner, owner))
    return actions


def _growth(facts: ImageFacts, config: BotConfig) -> int:
    """Return the size to grow to in bytes; 0 if the data image is large enough.

    After an interrupted growth the file system is smaller than its image.
    """
    target = max(facts.size, config.state.image_size_bytes)
    if facts.size < target:
        return target
    return target if 0 < facts.filesystem < facts.size else 0


def _reason(facts: ImageFacts, config: BotConfig, name: str) -> str:
    text = f"{name} ({facts.size / GIBIBYTE:.0f} GiB) is mounted"
    if facts.size > config.state.image_size_bytes:
        size = config.state.image_size
        text += f"; state.image_size {size} is smaller, but a data image never shrinks"
    return text
