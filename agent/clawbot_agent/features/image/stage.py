"""The gateway's image: built from npm on a Node.js base, loaded from the share, or pulled.

An image of ours carries a digest of everything it was made from as a label. The label is
the fact: while it matches, nothing is built.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.features.image.actions import (
    KEPT_IMAGES,
    BuildImage,
    OldImage,
    PullImage,
    RemoveImage,
    digests,
)
from clawbot_agent.features.image.archive import LoadImage, archive_of
from clawbot_agent.features.image.recipe import INPUTS_LABEL, VERSION_LABEL, Recipe, recipe
from clawbot_agent.host import Host

if TYPE_CHECKING:
    from clawbot_agent.engine.actions import Action

__all__ = ["ImageFacts", "ImageStage"]

_SHORT: Final = 12


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What images the engine has.

    Attributes:
        labels: of the image under the wanted name; None when there is none.
        current: that image, as what it is once another one has its name.
        digests: by which registries know it.
        base: whether the base image is there.
        old: others of ours.
        in_use: ids of the images that containers were made from.
        archive: file on the share that holds an image of exactly these inputs; None without.
    """

    labels: dict[str, str] | None = None
    current: OldImage | None = None
    digests: tuple[str, ...] = ()
    base: bool = False
    old: tuple[OldImage, ...] = ()
    in_use: frozenset[str] = frozenset()
    archive: Path | None = None


class ImageStage(Stage[ImageFacts]):
    """The image of the configured release."""

    name = "image"
    title = "OpenClaw image"
    phase = Phase.BASE
    # an earlier instance may have left the image on the share; a build needs room
    needs = ("docker", "firewall", "share")
    budget = 1200
    typical = 150

    def probe(self, host: Host, config: BotConfig) -> ImageFacts:
        """Ask the engine for the wanted image, its base and others of ours."""
        info = host.docker.info()
        if info is None:
            return ImageFacts()
        wanted = host.docker.image(config.image_tag)
        return ImageFacts(
            labels=None if wanted is None else _labels(wanted),
            current=_current(host, wanted),
            digests=digests(wanted),
            base=host.docker.image(config.base_image) is not None,
            old=_others(host, wanted),
            in_use=host.docker.images_in_use(),
            archive=_archive(host, config, str(info.get("Architecture", "unknown"))),
        )

    def plan(self, facts: ImageFacts, config: BotConfig) -> Plan:
        """Have the image; then forget those that nothing goes back to."""
        actions: list[Action] = []
        if config.openclaw.image.source == "pull":
            reason = f"{config.image_tag} is there"
            if why := _pull_reason(facts, config.image_tag):
                actions.append(PullImage(config.image_tag, why))
        else:
            wanted = recipe(config)
            inputs = wanted.labels[INPUTS_LABEL][:_SHORT]
            reason = f"{wanted.tag} is built on {wanted.base}, inputs {inputs}"
            if why := _build_reason(facts, wanted):
                actions += _obtained(facts, wanted, why)
        replaced = (facts.current,) if actions and facts.current else ()
        actions += [RemoveImage(image) for image in _superfluous(facts, replaced)]
        return Plan(reason, tuple(actions))


def _obtained(facts: ImageFacts, wanted: Recipe, why: str) -> "list[Action]":
    if facts.archive is not None:
        return [LoadImage(wanted, facts.archive, why)]
    build = BuildImage(wanted, why)
    return (
        [build] if facts.base else [PullImage(wanted.base, "the base image", as_base=True), build]
    )


def _archive(host: Host, config: BotConfig, architecture: str) -> Path | None:
    image = config.openclaw.image
    if image.source == "pull" or not image.archive:
        return None
    path = archive_of(config, recipe(config), architecture=architecture)
    found = host.files.stat(path)
    return path if found is not None and found.kind == "file" else None


def _pull_reason(facts: ImageFacts, reference: str) -> str | None:
    if facts.labels is None:
        return "not there"
    digest = reference.partition("@")[2]
    known = not digest or any(one.endswith(f"@{digest}") for one in facts.digests)
    return None if known else "another digest"


def _build_reason(facts: ImageFacts, wanted: Recipe) -> str | None:
    if facts.labels is None:
        return "not there"
    labels = wanted.labels
    differing = [key for key, value in labels.items() if facts.labels.get(key) != value]
    return (
        f"differs in {', '.join(key.rpartition('.')[2] for key in differing)}"
        if differing
        else None
    )


def _superfluous(facts: ImageFacts, replaced: tuple[OldImage, ...]) -> list[OldImage]:
    """All but the one to go back to: what serves now, else the newest."""

    def rank(image: OldImage) -> tuple[bool, int]:
        return image.id in facts.in_use, image.created

    ranked = sorted((*facts.old, *replaced), key=rank, reverse=True)[KEPT_IMAGES - 1 :]
    # the engine refuses to remove what a container was made from
    return [image for image in ranked if image.id not in facts.in_use]


def _ours(host: Host) -> dict[str, dict[str, Any]]:
    return {str(image["Id"]): image for image in host.docker.list_images(label=VERSION_LABEL)}


def _current(host: Host, wanted: dict[str, Any] | None) -> OldImage | None:
    if wanted is None or str(wanted["Id"]) not in (ours := _ours(host)):
        return None
    found = ours[str(wanted["Id"])]
    return OldImage(str(found["Id"]), str(found["Id"]), int(found.get("Created") or 0))


def _others(host: Host, wanted: dict[str, Any] | None) -> tuple[OldImage, ...]:
    found: list[OldImage] = []
    for key, image in _ours(host).items():
        if wanted is not None and key == wanted["Id"]:
            continue
        tags = [tag for tag in image.get("RepoTags") or () if tag != "<none>:<none>"]
        found.append(OldImage(tags[0] if tags else key, key, int(image.get("Created") or 0)))
    return tuple(found)


def _labels(image: dict[str, Any]) -> dict[str, str]:
    return dict((image.get("Config") or {}).get("Labels") or {})
