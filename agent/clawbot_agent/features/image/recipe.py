"""What an image of ours is made from, and the labels that say so on the image itself."""

import hashlib
from dataclasses import dataclass, field
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.templates import render

__all__ = ["BASE_LABEL", "INPUTS_LABEL", "VERSION_LABEL", "Recipe", "recipe"]

VERSION_LABEL: Final = "org.clawbot.openclaw.version"
BASE_LABEL: Final = "org.clawbot.openclaw.base"
INPUTS_LABEL: Final = "org.clawbot.openclaw.inputs"
_PACKAGE: Final = "clawbot_agent.features.image"


@dataclass(frozen=True, slots=True)
class Recipe:
    """A build.

    Attributes:
        tag: name of the image.
        base: image to start from.
        version: OpenClaw release.
        files: content by name: the whole build context.
    """

    tag: str
    base: str
    version: str
    files: tuple[tuple[str, str], ...] = field(repr=False)

    @property
    def labels(self) -> dict[str, str]:
        """Labels of the image; equal inputs mean that nothing has to be built."""
        digest = hashlib.sha256()
        for name, text in self.files:
            digest.update(f"{name}\0{len(text)}\0{text}\0".encode())
        return {
            VERSION_LABEL: self.version,
            BASE_LABEL: self.base,
            INPUTS_LABEL: digest.hexdigest(),
        }


def recipe(config: BotConfig) -> Recipe:
    """The build that the configuration asks for."""
    dockerfile = render(
        _PACKAGE,
        "Dockerfile.j2",
        base=config.base_image,
        version=config.openclaw.version,
        packages=sorted({"ca-certificates", "git", *config.openclaw.image.packages}),
    )
    return Recipe(
        tag=config.image_tag,
        base=config.base_image,
        version=config.openclaw.version,
        files=(
            ("Dockerfile", dockerfile),
            ("first-start.mjs", render(_PACKAGE, "first-start.mjs")),
        ),
    )
