"""Loop devices: which file each has."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from clawbot_agent.host.files import Files

__all__ = ["device_of", "loops"]

_BLOCK: Final = Path("/sys/block")
# the kernel's word for a file that was removed meanwhile
_DELETED: Final = " (deleted)"


def loops(files: Files) -> dict[str, Path]:
    """Backing file by device ("/dev/loop0"); the file system of the file is not touched."""
    found: dict[str, Path] = {}
    for name in files.list(_BLOCK):
        if not name.startswith("loop"):
            continue
        text = files.read_text(_BLOCK / name / "loop" / "backing_file")
        if text is not None and text.strip():
            found[f"/dev/{name}"] = Path(text.rstrip("\n").removesuffix(_DELETED))
    return found


def device_of(image: Path, devices: Mapping[str, Path]) -> str | None:
    """The device that has the image; None when none has."""
    return next((device for device, file in devices.items() if file == image), None)
