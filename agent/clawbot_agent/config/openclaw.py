"""The `openclaw` section: the release, its container image, and the Node.js that it needs.

The table is `npm view openclaw@VERSION engines.node`. It is needed because npm itself only
warns: OpenClaw 2026.9.6 installs on Node 22, answers `--version` and then refuses to serve
("node:sqlite truncates TEXT at embedded NUL").
"""

import re
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from semantic_version import (  # type: ignore[import-untyped]  # ships no type information
    NpmSpec,
    Version,
)

from clawbot_agent.config.rules import LISTED, ImageReference, Must, Section, refuse

DEFAULT_VERSION: Final = "2026.9.6"
NEWEST_KNOWN: Final = "2026.9.6"
VERSION_PATTERN: Final = r"^20[0-9]{2}\.[0-9]{1,2}\.[0-9]{1,2}(-[0-9]{1,3}|-beta\.[0-9]{1,3})?$"

# a tag like "24" or "24.16" floats: it means the newest release of that line
_NEWEST_OF_LINE: Final = 9999
_NODE_REPOSITORY: Final = re.compile(r"(^|[-_.])node(js)?($|[-_.])")
_NODE_TAG: Final = re.compile(r"v?(\d{1,3})(?:\.(\d{1,3}))?(?:\.(\d{1,3}))?(?:-.*)?")


@dataclass(frozen=True, slots=True)
class Engines:
    """One row: from release `since` on, OpenClaw needs `node` (an npm range)."""

    since: str
    node: str
    base: str


TABLE: Final = (
    Engines("2026.1.29", ">=22.12.0", "node:22-trixie-slim"),
    Engines("2026.3.13", ">=22.16.0", "node:22-trixie-slim"),
    Engines("2026.3.24", ">=22.14.0", "node:22-trixie-slim"),
    Engines("2026.5.12", ">=22.16.0", "node:22-trixie-slim"),
    Engines("2026.5.18", ">=22.19.0", "node:22-trixie-slim"),
    Engines("2026.7.1", ">=22.22.3 <23 || >=24.15.0 <25 || >=25.9.0", "node:24-trixie-slim"),
    Engines("2026.9.3", ">=24.16.0 <25 || >=26.1.0", "node:24-trixie-slim"),
)


def _release(version: str) -> tuple[int, int, int]:
    year, month, patch = version.partition("-")[0].split(".")
    return int(year), int(month), int(patch)


def _order(version: str) -> tuple[int, int, int, int]:
    # unlike semver, OpenClaw's "-1" is a re-release after the plain version; "-beta.1" is before
    suffix = version.partition("-")[2]
    rank = -1 if suffix.startswith("beta") else int(suffix or 0)
    return (*_release(version), rank)


def is_newer_than_table(version: str) -> bool:
    """Return whether the release is newer than the table."""
    return _order(version) > _order(NEWEST_KNOWN)


def is_older_than_table(version: str) -> bool:
    """Return whether the release is older than the first row, so that nothing is known."""
    return _release(version) < _release(TABLE[0].since)


def engines_for(version: str) -> Engines:
    """Return the row of a release; a release newer than the table gets the last row.

    Raises:
        LookupError: the release is older than the table.
    """
    for row in reversed(TABLE):
        # a beta counts as its release
        if _release(version) >= _release(row.since):
            return row
    raise LookupError(version)


def node_of(reference: str) -> str | None:
    """Read the Node version ("24", "24.16", "24.16.0") from an image reference.

    Returns None unless the repository is a node image: the 24.04 of `ubuntu:24.04` is no Node.
    """
    repository, _, tag = reference.partition("@")[0].rpartition("/")[2].partition(":")
    found = _NODE_TAG.fullmatch(tag)
    if not found or not _NODE_REPOSITORY.search(repository):
        return None
    return ".".join(number for number in found.groups() if number is not None)


def node_runs(node: str, engines: Engines) -> bool:
    """Say whether a Node version satisfies the row; a partial one means its newest release."""
    numbers = [int(number) for number in node.split(".")]
    numbers += [_NEWEST_OF_LINE] * (3 - len(numbers))
    major, minor, patch = numbers
    return Version(major=major, minor=minor, patch=patch) in NpmSpec(engines.node)


OFFICIAL_IMAGE = "ghcr.io/openclaw/openclaw"

ExactVersion = Annotated[
    str,
    Must(
        VERSION_PATTERN,
        "must be one exact version such as 2026.9.6 (the next instance must become the same bot)",
    ),
]
NodeVersion = Annotated[
    str,
    Must(r"^[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}$", "must be a full version such as 24.16.0"),
]
DebianPackage = Annotated[
    str,
    Must(r"^[a-z0-9][a-z0-9+.-]{1,63}$", "must be the name of a Debian package"),
]


class ImageConfig(Section):
    """The source of the gateway's container image."""

    source: Literal["build", "pull"] = Field(
        default="build",
        description="build: install OpenClaw from npm on the base image; pull: use a "
        "published image",
    )
    base: ImageReference | None = Field(
        default=None,
        description="build: the Node.js image to start from; null = chosen by the OpenClaw version",
    )
    node: NodeVersion | None = Field(
        default=None,
        description="build: Node.js version in the base image, required when its tag does not say",
    )
    reference: ImageReference | None = Field(
        default=None,
        description=f"pull: the image, may carry a digest; null = {OFFICIAL_IMAGE}:<version>",
    )
    packages: Annotated[tuple[DebianPackage, ...], LISTED] = Field(
        default=(),
        max_length=100,
        description="build: extra Debian packages for the image",
    )
    archive: bool = Field(
        default=True,
        description="build: keep the built image on the share (about 260 MB), so that the next "
        "instance loads it instead of building it",
    )

    @model_validator(mode="after")
    def _keys_fit_source(self) -> Self:
        if self.source == "build":
            if self.reference is not None:
                refuse("belongs to source: pull; a built image takes base instead", at="reference")
            return self
        for key in ("base", "node", "packages"):
            if getattr(self, key):
                refuse("belongs to source: build; a pulled image is used as it is", at=key)
        return self


class OpenClawConfig(Section):
    """The OpenClaw release and its image."""

    version: ExactVersion = Field(
        default=DEFAULT_VERSION,
        description="exact OpenClaw release from npm",
    )
    allow_unknown_version: bool = Field(
        default=False,
        description=f"allow a release newer than {NEWEST_KNOWN}, whose Node.js "
        "requirements this agent does not know",
    )
    image: ImageConfig = Field(default=ImageConfig(), validate_default=True)

    @field_validator("image")
    @classmethod
    def _image_runs_version(cls, image: ImageConfig, info: ValidationInfo) -> ImageConfig:
        version = info.data.get("version")
        if version is None or is_older_than_table(version):
            # the version has an error of its own
            return image
        if image.source == "pull":
            return image.model_copy(
                update={"reference": image.reference or f"{OFFICIAL_IMAGE}:{version}"}
            )
        engines = engines_for(version)
        base = image.base or engines.base
        _check_node(base=base, node=image.node, version=version, engines=engines)
        return image.model_copy(update={"base": base})

    @model_validator(mode="after")
    def _version_is_known(self) -> Self:
        if is_older_than_table(self.version):
            refuse(f"must be {TABLE[0].since} or newer, not {self.version}", at="version")
        if is_newer_than_table(self.version) and not self.allow_unknown_version:
            refuse(
                f"{self.version} is newer than {NEWEST_KNOWN}, the newest release this "
                "agent knows; set openclaw.allow_unknown_version: true to try it",
                at="version",
            )
        return self


def _check_node(*, base: str, node: str | None, version: str, engines: Engines) -> None:
    tagged = node_of(base)
    if tagged is None and node is None:
        refuse(
            f"the tag of {base} does not say its Node.js version; set node: beside base "
            f"(OpenClaw {version} needs {engines.node})",
            at="base",
        )
    if tagged is not None and node is not None and not f"{node}.".startswith(f"{tagged}."):
        refuse(f"says {node}, but the tag of {base} says {tagged}", at="node")
    claimed = node or tagged
    if claimed is not None and not node_runs(claimed, engines):
        refuse(
            f"node {claimed} cannot run OpenClaw {version} (needs {engines.node}); "
            f"use {engines.base}",
            at="base" if node is None else "node",
        )
