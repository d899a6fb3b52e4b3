"""The inputs of a container image that the agent builds, and the labels that record them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.templates import render

VERSION_LABEL: Final = "org.clawbot.openclaw.version"
_BASE_LABEL: Final = "org.clawbot.openclaw.base"
INPUTS_LABEL: Final = "org.clawbot.openclaw.inputs"
_PACKAGE: Final = "clawbot_agent.features.image"


@dataclass(frozen=True, slots=True)
class Recipe:
    """The inputs of a build.

    Attributes:
        tag: name of the image.
        base: the base image.
        version: OpenClaw release.
        files: the whole build context, text by name.
    """

    tag: str
    base: str
    version: str
    files: tuple[tuple[str, str], ...] = field(repr=False)

    @property
    def labels(self) -> dict[str, str]:
        """Labels of the image; if they are equal, nothing needs to be built."""
        digest = hashlib.sha256()
        for name, text in self.files:
            digest.update(f"{name}\0{len(text)}\0{text}\0".encode())
        return {
            VERSION_LABEL: self.version,
            _BASE_LABEL: self.base,
            INPUTS_LABEL: digest.hexdigest(),
        }


def labels_of(image: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the labels of an inspected image; empty without an image."""
    return dict(((image or {}).get("Config") or {}).get("Labels") or {})


def recipe(config: BotConfig) -> Recipe:
    """Return the inputs that the configuration requires."""
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
