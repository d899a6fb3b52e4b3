"""The `openclaw` section: which release runs, and in which image."""

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from clawbot_agent.config import openclaw_versions as versions
from clawbot_agent.config.rules import ImageReference, Must, refuse
from clawbot_agent.config.section import LISTED, Section

OFFICIAL_IMAGE = "ghcr.io/openclaw/openclaw"

ExactVersion = Annotated[
    str,
    Must(
        versions.VERSION_PATTERN,
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
    """Where the gateway's container image comes from."""

    source: Literal["build", "pull"] = Field(
        default="build",
        description="build: install OpenClaw from npm on the base image; pull: take a ready image",
    )
    base: ImageReference | None = Field(
        default=None,
        description="build: the Node.js image to start from; null = chosen by the OpenClaw version",
    )
    node: NodeVersion | None = Field(
        default=None,
        description="build: Node.js version in the base image, needed when its tag does not tell",
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
                refuse("belongs to source: build; a pulled image is taken as it is", at=key)
        return self


class OpenClawConfig(Section):
    """The OpenClaw release and its image."""

    version: ExactVersion = Field(
        default=versions.DEFAULT_VERSION,
        description="exact OpenClaw release from npm",
    )
    allow_unknown_version: bool = Field(
        default=False,
        description=f"allow a release newer than {versions.NEWEST_KNOWN}, whose Node.js needs "
        "this agent does not know yet",
    )
    image: ImageConfig = Field(default=ImageConfig(), validate_default=True)

    @field_validator("image")
    @classmethod
    def _image_runs_version(cls, image: ImageConfig, info: ValidationInfo) -> ImageConfig:
        version = info.data.get("version")
        if version is None or versions.is_older_than_table(version):
            # the version is reported by itself
            return image
        if image.source == "pull":
            return image.model_copy(
                update={"reference": image.reference or f"{OFFICIAL_IMAGE}:{version}"}
            )
        engines = versions.engines_for(version)
        base = image.base or engines.base
        _check_node(base=base, node=image.node, version=version, engines=engines)
        return image.model_copy(update={"base": base})

    @model_validator(mode="after")
    def _version_is_known(self) -> Self:
        if versions.is_older_than_table(self.version):
            refuse(f"must be {versions.TABLE[0].since} or newer, not {self.version}", at="version")
        if versions.is_newer_than_table(self.version) and not self.allow_unknown_version:
            refuse(
                f"{self.version} is newer than {versions.NEWEST_KNOWN}, the newest release this "
                "agent knows; set openclaw.allow_unknown_version: true to try it",
                at="version",
            )
        return self


def _check_node(*, base: str, node: str | None, version: str, engines: versions.Engines) -> None:
    tagged = versions.node_of(base)
    if tagged is None and node is None:
        refuse(
            f"{base} does not tell its Node.js version; give it as node: beside base "
            f"(OpenClaw {version} needs {engines.node})",
            at="base",
        )
    if tagged is not None and node is not None and not f"{node}.".startswith(f"{tagged}."):
        refuse(f"says {node}, but the tag of {base} says {tagged}", at="node")
    claimed = node or tagged
    if claimed is not None and not versions.node_runs(claimed, engines):
        refuse(
            f"node {claimed} cannot run OpenClaw {version} (needs {engines.node}); "
            f"use {engines.base}",
            at="base" if node is None else "node",
        )
