"""Which machine this is, and which boot of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.host.files import Files

__all__ = ["Identity", "identity"]

# cloud-init's instance-id on Azure is the DMI system UUID; a bare container has neither
_INSTANCE_ID_FILES: Final = (
    Path("/var/lib/cloud/data/instance-id"),
    Path("/sys/class/dmi/id/product_uuid"),
    Path("/etc/machine-id"),
)
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Identity:
    """Ids of the instance and of its present boot."""

    instance_id: str
    boot_id: str


def identity(files: Files) -> Identity:
    """Read both; "unknown" for what the machine does not tell."""
    texts = (files.read_text(path) for path in _INSTANCE_ID_FILES)
    found = (text.strip().lower() for text in texts if text is not None and text.strip())
    boot = (files.read_text(_BOOT_ID) or "unknown").strip()
    return Identity(instance_id=next(found, "unknown"), boot_id=boot)
