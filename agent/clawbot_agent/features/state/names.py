"""Where the state is on the share, and on the instance beside it."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

__all__ = [
    "IMAGE_PATTERN",
    "LEASE_DIRECTORY",
    "LOCAL_DIRECTORIES",
    "STATE_DIRECTORY",
    "files_directory",
    "image_directory",
    "image_name",
    "image_number",
    "lease_directory",
    "newest_image",
]

LEASE_DIRECTORY: Final = "lease"
STATE_DIRECTORY: Final = "state"
_FILES: Final = "files"
# the number is the lease's generation under which the image was made
IMAGE_PATTERN: Final = r"state-(\d{6,})\.ext4"
# OpenClaw's scratch directories: many small files and local locks, worth nothing tomorrow
LOCAL_DIRECTORIES: Final = {
    "cache": Path("/var/lib/clawbot/local/cache"),
    "tmp": Path("/var/lib/clawbot/local/tmp"),
}


def lease_directory(share: Path) -> Path:
    """Where the lease's generations are."""
    return share / LEASE_DIRECTORY


def image_directory(share: Path) -> Path:
    """Where state images are."""
    return share / STATE_DIRECTORY


def files_directory(share: Path) -> Path:
    """Where the state is with the backend share."""
    return share / STATE_DIRECTORY / _FILES


def image_name(number: int) -> str:
    """Name of the image made under a generation."""
    return f"state-{number:06d}.ext4"


def image_number(name: str) -> int:
    """The generation under which an image was made; 0 for what is no image."""
    match = re.fullmatch(IMAGE_PATTERN, name)
    return int(match[1]) if match else 0


def newest_image(names: Iterable[str]) -> str | None:
    """The image that is the bot's memory; None without one."""
    return max((name for name in names if image_number(name)), key=image_number, default=None)
