"""Stage `image`: the container image, built from npm on Node.js, loaded from the share, or pulled.

An image that the agent builds has a digest of all its inputs as a label. While the label matches,
nothing is built.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.engine.actions import Action
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.features.image.actions import (
    BuildImage,
    OldImage,
    PullImage,
    RemoveImage,
    digests,
    has_digest,
    references,
)
from clawbot_agent.features.image.archive import LoadImage, archive_of
from clawbot_agent.features.image.recipe import (
    INPUTS_LABEL,
    VERSION_LABEL,
    Recipe,
    labels_of,
    recipe,
)
from clawbot_agent.host import Host

# the present image, and one to roll back to
_KEPT_IMAGES: Final = 2
_SHORT: Final = 12


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Docker's images.

    Attributes:
        labels: of the image with the wanted name; None without one.
        current: that image if the agent built it, as an old one once the name is reused.
        digests: its registry digests.
        base: whether the base image exists.
        old: other images that the agent built.
        in_use: ids of the images that containers were created from.
        archive: file on the share with an image of exactly these inputs; None without one.
    """

    labels: dict[str, str] | None = None
    current: OldImage | None = None
    digests: tuple[str, ...] = ()
    base: bool = False
    old: tuple[OldImage, ...] = ()
    in_use: frozenset[str] = frozenset()
    archive: Path | None = None


class ImageStage(Stage[ImageFacts]):
    """The container image of the configured release exists."""

    name = "image"
    title = "OpenClaw image"
    phase = Phase.BASE
    # an earlier instance may have saved the image on the share
    needs = ("docker", "firewall", "share")
    budget = 1200
    typical = 150

    def probe(self, host: Host, config: BotConfig) -> ImageFacts:
        """Inspect the wanted image, its base and others that the agent built."""
        info = host.docker.info()
        if info is None:
            return ImageFacts()
        wanted = host.docker.image(config.image_tag)
        current, old = _built(host, wanted)
        return ImageFacts(
            labels=None if wanted is None else labels_of(wanted),
            current=current,
            digests=digests(wanted),
            base=host.docker.image(config.base_image) is not None,
            old=old,
            in_use=host.docker.images_in_use(),
            archive=_archive(host, config, str(info.get("Architecture", "unknown"))),
        )

    def plan(self, facts: ImageFacts, config: BotConfig) -> Plan:
        """Obtain the image, then remove those that are not needed for a rollback."""
        actions: list[Action] = []
        if config.openclaw.image.source == "pull":
            reason = f"{config.image_tag} exists"
            if why := _pull_reason(facts, config.image_tag):
                actions.append(PullImage(config.image_tag, why))
        else:
            wanted = recipe(config)
            inputs = wanted.labels[INPUTS_LABEL][:_SHORT]
            reason = f"{wanted.tag} is built on {wanted.base}, inputs {inputs}"
            if why := _build_reason(facts, wanted):
                actions += _obtained(facts, wanted, why)
        replaced = (facts.current,) if actions and facts.current else ()
        why = "not needed for a rollback"
        actions += [RemoveImage(image.name, why) for image in _superfluous(facts, replaced)]
        return Plan(reason, tuple(actions))


def _obtained(facts: ImageFacts, wanted: Recipe, why: str) -> list[Action]:
    if facts.archive is not None:
        return [LoadImage(wanted, facts.archive, why)]
    pulls = [] if facts.base else [PullImage(wanted.base, "the base image", as_base=True)]
    return [*pulls, BuildImage(wanted, why)]


def _archive(host: Host, config: BotConfig, architecture: str) -> Path | None:
    image = config.openclaw.image
    if image.source == "pull" or not image.archive:
        return None
    path = archive_of(config, recipe(config), architecture=architecture)
    found = host.files.stat(path)
    return path if found is not None and found.kind == "file" else None


def _pull_reason(facts: ImageFacts, reference: str) -> str | None:
    if facts.labels is None:
        return "missing"
    return None if has_digest(facts.digests, reference) else "digest differs"


def _build_reason(facts: ImageFacts, wanted: Recipe) -> str | None:
    if facts.labels is None:
        return "missing"
    differing = [
        key.rpartition(".")[2]
        for key, value in wanted.labels.items()
        if facts.labels.get(key) != value
    ]
    return f"differs in {', '.join(differing)}" if differing else None


def _superfluous(facts: ImageFacts, replaced: tuple[OldImage, ...]) -> list[OldImage]:
    """Return all but the one for a rollback, which is the one in use, else the newest."""

    def rank(image: OldImage) -> tuple[bool, int]:
        return image.id in facts.in_use, image.created

    ranked = sorted((*facts.old, *replaced), key=rank, reverse=True)[_KEPT_IMAGES - 1 :]
    # Docker does not remove an image of an existing container
    return [image for image in ranked if image.id not in facts.in_use]


def _built(
    host: Host, wanted: dict[str, Any] | None
) -> tuple[OldImage | None, tuple[OldImage, ...]]:
    """Return the wanted image if the agent built it, and the others that it built."""
    current, old = None, list[OldImage]()
    for image in host.docker.list_images(label=VERSION_LABEL):
        key, created = str(image["Id"]), int(image.get("Created") or 0)
        if wanted is not None and key == wanted["Id"]:
            # a new image takes its name
            current = OldImage(key, key, created)
        else:
            old.append(OldImage(references(image)[0], key, created))
    return current, tuple(old)
