"""The `azure` section of a deployment file: where the bot runs, and on what."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from clawbot_agent.config.problems import shown
from clawbot_agent.config.rules import Must, Section, Sha256, refuse
from clawbot_agent.config.storage import ResourceGroup
from clawbot_controller.custom_data import AgentSource, is_location

_TAG_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:-]{0,127}")
_OWN_TAGS: Final = "clawbot-"
_TAG_VALUE_LENGTH: Final = 256
# Azure allows 50 on a resource; some are the controller's
_MOST_TAGS: Final = 40


@dataclass(frozen=True, slots=True)
class Tier:
    """A machine size by purpose.

    Bv1 sizes retire on 2028-11-15 and are closed to new subscriptions; their successors are of
    the Bsv2 family (learn.microsoft.com, "Retired sizes").

    Attributes:
        size: the Azure size.
        original: the size that the project's first specification named.
        description: CPUs and RAM.
        ram_gib: RAM of the size, GiB.
    """

    size: str
    original: str
    description: str
    ram_gib: int


TIERS: Final[Mapping[str, Tier]] = MappingProxyType(
    {
        # no newer size has 2 GiB; an idle gateway does not fit in 1 GiB
        "light": Tier("Standard_B1ms", "Standard_B1ms", "1 CPU and 2 GiB, for pulled images", 2),
        "standard": Tier("Standard_B2als_v2", "Standard_B2s", "2 CPUs and 4 GiB", 4),
        "performance": Tier("Standard_B2as_v2", "Standard_D2s_v3", "2 CPUs and 8 GiB", 8),
    }
)

Subscription = Annotated[
    str,
    Must(
        r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        "must be the subscription's id (a UUID in lower case)",
    ),
]
Region = Annotated[
    str, Must(r"^[a-z][a-z0-9]{2,39}$", "must be a region's short name such as eastus")
]
Size = Annotated[
    str,
    Must(r"^Standard_[A-Za-z0-9_-]{2,50}$", "must be the full name of a size: Standard_B2als_v2"),
]
DnsLabel = Annotated[
    str,
    Must(
        r"^[a-z][a-z0-9-]{1,61}[a-z0-9]$",
        "must be 3 to 63 lower-case letters, digits and dashes, starting with a letter",
    ),
]


def _location(value: str) -> str:
    if not is_location(value):
        wording = "must be a URL or absolute path that ends in .tar or .whl, without a query"
        refuse(f"{wording}, or clawbot-agent==VERSION, not {shown(value)}")
    return value


def _relative(value: str) -> str:
    if not value.isprintable() or PurePosixPath(value).is_absolute() or not value:
        refuse(f"must be a path relative to this file, not {shown(value)}")
    return value


class AgentRelease(Section):
    """The agent that the instance installs, pinned by its hash."""

    source: Annotated[str, AfterValidator(_location)] = Field(
        description="release archive or wheel (URL, or path on the instance), or "
        "clawbot-agent==VERSION",
        examples=["https://example.org/clawbot-agent-0.1.0-x86_64.tar"],
    )
    sha256: Sha256 = Field(
        description="SHA-256 of source, from the release's SHA256SUMS", examples=["0" * 64]
    )

    @property
    def pinned(self) -> AgentSource:
        """The same for custom data."""
        return AgentSource(location=self.source, sha256=self.sha256)


class Target(Section):
    """Where in Azure the bot runs, and on what."""

    subscription: Subscription = Field(
        description="id of the subscription", examples=["00000000-1111-2222-3333-444444444444"]
    )
    resource_group: ResourceGroup = Field(
        description="resource group; bots in the same group share a network and a Key Vault, and "
        "the group should contain nothing else",
        examples=["clawbots"],
    )
    region: Region = Field(description="short name of the region", examples=["eastus"])
    tier: Literal["light", "standard", "performance"] = Field(
        default="standard",
        description="; ".join(
            f"{name} = {tier.size}, {tier.description}" for name, tier in TIERS.items()
        ),
    )
    size: Size | None = Field(default=None, description="machine size; null = the tier's")
    orchestration: Literal["uniform", "flexible"] = Field(
        default="uniform",
        description="mode of the scale set, cannot be changed later; flexible supports Azure "
        "Backup of the machine but gets a new address at a repair",
    )
    repair: Literal["reimage", "replace", "restart", "none"] = Field(
        default="reimage",
        description="what Azure does with an unhealthy instance; only reimage and restart keep "
        "its address",
    )
    address: Literal["instance", "prefix"] = Field(
        default="instance",
        description="instance = an address that is deleted with the instance; prefix = one of two "
        "reserved addresses, both billed, kept after a replacement or a stop to zero",
    )
    dns_label: DnsLabel | None = Field(
        default=None,
        description="label of a DNS name below REGION.cloudapp.azure.com; null = none",
    )
    disk_gib: int = Field(default=30, ge=30, le=1024, description="size of the OS disk, GiB")
    share_gib: int = Field(
        default=32, ge=8, le=5120, description="maximum size of the bot's share, GiB"
    )
    openclaw_config: Annotated[str, AfterValidator(_relative)] | None = Field(
        default=None,
        description="file with a fragment of openclaw.json, relative to this file; its content is "
        "kept in Key Vault because it may contain keys; null = none",
    )
    agent: AgentRelease = Field(description="The agent that the instance installs.")
    tags: dict[str, str] = Field(default={}, description="additional tags of every resource")

    @model_validator(mode="after")
    def _tags_fit(self) -> Self:
        if len(self.tags) > _MOST_TAGS:
            refuse(f"must have at most {_MOST_TAGS} entries", at="tags")
        for name, value in self.tags.items():
            if not _TAG_NAME.fullmatch(name) or name.lower().startswith(_OWN_TAGS):
                wording = "names must be plain words that do not start with clawbot-"
                refuse(f"{wording}, not {shown(name)}", at="tags")
            if len(value) > _TAG_VALUE_LENGTH or not value.isprintable():
                refuse("must be at most 256 printable characters", at=f"tags.{name}")
        return self

    @property
    def vm_size(self) -> str:
        """The size of the instance."""
        return self.size or TIERS[self.tier].size
