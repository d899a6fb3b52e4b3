"""Actions on images of the Docker engine."""

from dataclasses import dataclass
from typing import Any, Final

from clawbot_agent.core.paths import IMAGE_BUILD_DIR
from clawbot_agent.features.image.build_progress import Progress
from clawbot_agent.features.image.errors import (
    ImageBaseNotFoundError,
    ImageDigestMismatchError,
    build_error,
    pull_error,
)
from clawbot_agent.features.image.recipe import Recipe
from clawbot_agent.host import Host
from clawbot_agent.host.docker import DockerCallError

__all__ = ["KEPT_IMAGES", "BuildImage", "OldImage", "PullImage", "RemoveImage", "digests"]

# the present image, and the one to go back to
KEPT_IMAGES: Final = 2


@dataclass(frozen=True, slots=True)
class OldImage:
    """An image of ours that is not the wanted one; `name` is a tag, or the id without one."""

    name: str
    id: str
    created: int


@dataclass(frozen=True, slots=True)
class PullImage:
    """Pull an image; `as_base` only decides about the error when there is none."""

    reference: str
    why: str
    as_base: bool = False

    @property
    def summary(self) -> str:
        """Which and why."""
        return f"pull {self.reference} ({self.why})"

    def apply(self, host: Host) -> None:
        """Pull it.

        Raises:
            ClawbotError: of `image_errors`.
        """
        try:
            said = Progress(host).follow(host.docker.pull(self.reference))
        except DockerCallError as error:
            said = error.message
        if said is not None:
            if self.as_base:
                raise pull_error(self.reference, said, missing=ImageBaseNotFoundError)
            raise pull_error(self.reference, said)
        digest = self.reference.partition("@")[2]
        found = digests(host.docker.image(self.reference))
        if digest and not any(known.endswith(f"@{digest}") for known in found):
            msg = f"{self.reference}: the engine knows it as {', '.join(found) or 'nothing'}"
            raise ImageDigestMismatchError(msg)


@dataclass(frozen=True, slots=True)
class BuildImage:
    """Build an image; the one of that name stays in use until the build is done."""

    recipe: Recipe
    why: str

    @property
    def summary(self) -> str:
        """Which, from what and why."""
        return f"build {self.recipe.tag} on {self.recipe.base} ({self.why})"

    def apply(self, host: Host) -> None:
        """Build it.

        Raises:
            ClawbotError: of `image_errors`.
        """
        # whatever an earlier version of the agent left there is no input of this build
        host.files.remove(IMAGE_BUILD_DIR)
        host.files.mkdir(IMAGE_BUILD_DIR, mode=0o755)
        for name, text in self.recipe.files:
            host.files.write(IMAGE_BUILD_DIR / name, text, mode=0o644)
        progress = Progress(host)
        tag = self.recipe.tag
        try:
            said = progress.follow(
                host.docker.build(IMAGE_BUILD_DIR, tag=tag, labels=self.recipe.labels)
            )
        except DockerCallError as error:
            said = error.message
        if said is not None:
            raise build_error(tag, said, tuple(progress.lines))


@dataclass(frozen=True, slots=True)
class RemoveImage:
    """Remove an image of ours that nothing will go back to."""

    image: OldImage

    @property
    def summary(self) -> str:
        """Which."""
        return f"remove image {self.image.name} (not needed to go back)"

    def apply(self, host: Host) -> None:
        """Remove it."""
        host.docker.remove_image(self.image.name)


def digests(image: dict[str, Any] | None) -> tuple[str, ...]:
    """By which registries know an inspected image."""
    return tuple((image or {}).get("RepoDigests") or ())
