"""Where the bot data is: on the share, on the instance, and in the gateway's container."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    # the lease daemon imports this module and needs no configuration
    from clawbot_agent.config.model import BotConfig

STATE_DIRECTORY: Final = "state"
# the number is the lease's generation under which the data image was created
IMAGE_PATTERN: Final = r"state-(\d{6,})\.ext4"
# OpenClaw's scratch directories: many small files and local locks, not worth keeping
LOCAL_DIRECTORIES: Final = {
    "cache": Path("/var/lib/clawbot/local/cache"),
    "tmp": Path("/var/lib/clawbot/local/tmp"),
}


def lease_directory(share: Path) -> Path:
    """Return the directory of the lease's generations."""
    return share / "lease"


def image_directory(share: Path) -> Path:
    """Return the directory of the data images."""
    return share / STATE_DIRECTORY


def files_directory(share: Path) -> Path:
    """Return the directory of the bot data with the backend `share`."""
    return share / STATE_DIRECTORY / "files"


def image_name(number: int) -> str:
    """Return the name of the data image created under a generation."""
    return f"state-{number:06d}.ext4"


def image_number(name: str) -> int:
    """Return the generation under which a data image was created; 0 for any other file."""
    match = re.fullmatch(IMAGE_PATTERN, name)
    return int(match[1]) if match else 0


def newest_image(names: Iterable[str]) -> str | None:
    """Return the data image that holds the bot data; None without one."""
    return max((name for name in names if image_number(name)), key=image_number, default=None)


def local_binds(config: "BotConfig", *, inside: str) -> tuple[str, ...]:
    """Return the binds that keep OpenClaw's scratch directories off the share.

    Only the backend `share` has any. `inside` is the state directory in the container.
    """
    if config.state_backend != "share":
        return ()
    return tuple(f"{path}:{inside}/{name}" for name, path in LOCAL_DIRECTORIES.items())
