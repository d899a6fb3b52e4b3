"""Stage `image-archive`: the built container image, on the share, for the next instance to load.

It comes last, when the bot already serves, and the bot does not need it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.engine.actions import Action, RemovePath
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.features.image.errors import ImageArchiveUnusableError, ImageDiskFullError
from clawbot_agent.features.image.recipe import INPUTS_LABEL, Recipe, labels_of, recipe
from clawbot_agent.host import Host
from clawbot_agent.host.docker import DockerCallError

_ARCHIVES_DIR: Final = "images"
# the present image's, and one to roll back to
_KEPT_ARCHIVES: Final = 2
_PREFIX: Final = "openclaw-"
_SUFFIX: Final = ".tar.zst"
_SHORT: Final = 16
# a younger partial file may belong to another instance that is still writing it
_OLD_SECONDS: Final = 3600


def archive_of(config: BotConfig, recipe: Recipe, *, architecture: str) -> Path:
    """Return the path of the archive of an image with exactly these inputs."""
    inputs = recipe.labels[INPUTS_LABEL][:_SHORT]
    name = f"{_PREFIX}{recipe.version}-{architecture}-{inputs}{_SUFFIX}"
    return Path(config.share.path) / _ARCHIVES_DIR / name


@dataclass(frozen=True, slots=True)
class LoadImage:
    """Load an image from the share instead of building it."""

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
            ImageArchiveUnusableError: the archive is removed; the next attempt builds.
            ImageDiskFullError: the instance's disk is full, and the archive is kept.
        """
        try:
            host.docker.load_image(self.archive)
        except DockerCallError as error:
            if "no space left" in error.message.lower():
                raise ImageDiskFullError(error.message) from error
            host.files.remove(self.archive)
            raise ImageArchiveUnusableError(error.message) from error
        labels = labels_of(host.docker.image(self.recipe.tag))
        if any(labels.get(key) != value for key, value in self.recipe.labels.items()):
            host.files.remove(self.archive)
            msg = f"{self.archive}: is not an archive of {self.recipe.tag} with these inputs"
            raise ImageArchiveUnusableError(msg)


@dataclass(frozen=True, slots=True)
class SaveImage:
    """Save a built image on the share."""

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


@dataclass(frozen=True, slots=True)
class ArchiveFacts:
    """The archives on the share.

    Attributes:
        wanted: path of the configured image's archive.
        archives: existing ones, newest first.
        leftovers: of interrupted writes.
    """

    wanted: Path
    archives: tuple[Path, ...] = ()
    leftovers: tuple[Path, ...] = ()


class ImageArchiveStage(Stage[ArchiveFacts]):
    """The bot's container image is saved for its next instance."""

    name = "image-archive"
    title = "OpenClaw image on the share"
    phase = Phase.NODE
    needs = ("share", "gateway")
    budget = 600
    typical = 40

    def skip_reason(self, config: BotConfig) -> str | None:
        """A pulled image is not worth saving."""
        image = config.openclaw.image
        if image.source == "pull":
            return "the image is pulled, not built"
        return None if image.archive else "openclaw.image.archive is false"

    def required(self, config: BotConfig) -> bool:
        """The bot serves without it."""
        del config
        return False

    def probe(self, host: Host, config: BotConfig) -> ArchiveFacts:
        """List the archives on the share."""
        architecture = str((host.docker.info() or {}).get("Architecture", "unknown"))
        wanted = archive_of(config, recipe(config), architecture=architecture)
        paths = [wanted.parent / name for name in host.files.list(wanted.parent)]
        stats = [(path, host.files.stat(path)) for path in paths]
        found = [(path, stat) for path, stat in stats if stat is not None and stat.kind == "file"]
        newest = sorted(found, key=lambda item: item[1].modified, reverse=True)
        young = host.clock.now().timestamp() - _OLD_SECONDS
        return ArchiveFacts(
            wanted=wanted,
            archives=tuple(path for path, _ in newest if _is_archive(path.name)),
            leftovers=tuple(
                path for path, stat in newest if _is_leftover(path.name) and stat.modified < young
            ),
        )

    def plan(self, facts: ArchiveFacts, config: BotConfig) -> Plan:
        """Save a missing archive; keep one more to roll back to."""
        actions: list[Action] = [
            RemovePath(path, "left by an interrupted write") for path in facts.leftovers
        ]
        if facts.wanted not in facts.archives:
            actions.append(SaveImage(config.image_tag, facts.wanted))
        others = [path for path in facts.archives if path != facts.wanted]
        actions += [
            RemovePath(path, "not needed for a rollback") for path in others[_KEPT_ARCHIVES - 1 :]
        ]
        return Plan(f"{config.image_tag} is on the share", tuple(actions))


def _is_archive(name: str) -> bool:
    return name.startswith(_PREFIX) and name.endswith(_SUFFIX)


def _is_leftover(name: str) -> bool:
    """Return whether it is the temporary file of an archive."""
    return name.startswith(f".{_PREFIX}") and f"{_SUFFIX}." in name
