"""Which machine this is, which disk it has, and which boot of it this is."""

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
    """Ids of the instance and of its present boot."""

    instance_id: str
    boot_id: str


def disk_id(files: Files) -> str:
    """Names this installation; Azure's reimage keeps the instance's id and brings a new disk.

    Made from machine-id, which is not to leave the machine itself (machine-id(5)).
    """
    text = (files.read_text(_MACHINE_ID) or "unknown").strip()
    return hashlib.sha256(f"clawbot disk {text}".encode()).hexdigest()[:_DISK_ID_DIGITS]


def identity(files: Files) -> Identity:
    """Read both; "unknown" for what the machine does not tell."""
    texts = (files.read_text(path) for path in _INSTANCE_ID_FILES)
    found = (text.strip().lower() for text in texts if text is not None and text.strip())
    boot = (files.read_text(_BOOT_ID) or "unknown").strip()
    return Identity(instance_id=next(found, "unknown"), boot_id=boot)
