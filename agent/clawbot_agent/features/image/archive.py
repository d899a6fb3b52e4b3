"""Built images on the share, so that the next instance does not build again."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause
from clawbot_agent.features.image.errors import ImageDiskFullError
from clawbot_agent.features.image.recipe import INPUTS_LABEL, Recipe
from clawbot_agent.host import Host
from clawbot_agent.host.docker import DockerCallError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ARCHIVES_DIR",
    "KEPT_ARCHIVES",
    "ImageArchiveUnusableError",
    "LoadImage",
    "SaveImage",
    "archive_of",
    "is_archive",
    "is_leftover",
]

ARCHIVES_DIR: Final = "images"
# the present image's, and the one to go back to
KEPT_ARCHIVES: Final = 2
_PREFIX: Final = "openclaw-"
_SUFFIX: Final = ".tar.zst"
_SHORT: Final = 16


class ImageArchiveUnusableError(ClawbotError):
    """An image on the share is damaged or not what its name says; it was removed."""

    code = "IMAGE_ARCHIVE_UNUSABLE"
    cause = FailureCause.DATA
    retry = BRIEF
    hint = "the image is built instead; if this comes back, check the share"


def is_archive(name: str) -> bool:
    """Whether a file of this name is one of ours."""
    return name.startswith(_PREFIX) and name.endswith(_SUFFIX)


def is_leftover(name: str) -> bool:
    """Whether it is what a write of one of ours left that was cut off."""
    return name.startswith(f".{_PREFIX}") and f"{_SUFFIX}." in name


def archive_of(config: BotConfig, recipe: Recipe, *, architecture: str) -> Path:
    """Where the image of exactly these inputs is kept; the name says all that matters."""
    inputs = recipe.labels[INPUTS_LABEL][:_SHORT]
    name = f"{_PREFIX}{recipe.version}-{architecture}-{inputs}{_SUFFIX}"
    return Path(config.share.path) / ARCHIVES_DIR / name


@dataclass(frozen=True, slots=True)
class LoadImage:
    """Take an image from the share instead of building it."""

    recipe: Recipe
    archive: Path
    why: str

    @property
    def summary(self) -> str:
        """Which, from where and why."""
        return f"load {self.recipe.tag} from {self.archive} ({self.why})"

    def apply(self, host: Host) -> None:
        """Load it.

        Raises:
            ImageArchiveUnusableError: the file is gone now; the next attempt builds.
        """
        try:
            host.docker.load_image(self.archive)
        except DockerCallError as error:
            if "no space left" in error.message.lower():
                # of the instance: the archive is not to blame
                raise ImageDiskFullError(error.message) from error
            host.files.remove(self.archive)
            raise ImageArchiveUnusableError(error.message) from error
        image = host.docker.image(self.recipe.tag) or {}
        labels: Mapping[str, str] = (image.get("Config") or {}).get("Labels") or {}
        if any(labels.get(key) != value for key, value in self.recipe.labels.items()):
            host.files.remove(self.archive)
            msg = f"{self.archive}: holds another image than {self.recipe.tag} of these inputs"
            raise ImageArchiveUnusableError(msg)


@dataclass(frozen=True, slots=True)
class SaveImage:
    """Keep a built image on the share."""

    tag: str
    archive: Path

    @property
    def summary(self) -> str:
        """Which and where."""
        return f"save {self.tag} to {self.archive}"

    def apply(self, host: Host) -> None:
        """Save it.

        Raises:
            FileWriteError: the share is full or read-only.
        """
        host.files.mkdir(self.archive.parent, mode=0o700)
        host.docker.save_image(self.tag, target=self.archive)
