"""Identifiers of this instance, its disk and its boot."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.host.files import Files

__all__ = ["Identity", "disk_id", "identity"]

# cloud-init's instance-id on Azure is the DMI system UUID; a bare container has neither
_INSTANCE_ID_FILES: Final = (
    Path("/var/lib/cloud/data/instance-id"),
    Path("/sys/class/dmi/id/product_uuid"),
    Path("/etc/machine-id"),
)
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_MACHINE_ID: Final = Path("/etc/machine-id")
_DISK_ID_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Identity:
    """The ids of the instance and of its current boot."""

    instance_id: str
    boot_id: str


def disk_id(files: Files) -> str:
    """Return an id of this installation: a reimage keeps the instance's id, but not the disk.

    A hash of the machine id, which must not leave the machine itself (machine-id(5)).
    """
    text = (files.read_text(_MACHINE_ID) or "unknown").strip()
    return hashlib.sha256(f"clawbot disk {text}".encode()).hexdigest()[:_DISK_ID_DIGITS]


def identity(files: Files) -> Identity:
    """Return both ids; "unknown" for one that the machine does not have."""
    texts = (files.read_text(path) for path in _INSTANCE_ID_FILES)
    found = (text.strip().lower() for text in texts if text is not None and text.strip())
    boot = (files.read_text(_BOOT_ID) or "unknown").strip()
    return Identity(instance_id=next(found, "unknown"), boot_id=boot)
