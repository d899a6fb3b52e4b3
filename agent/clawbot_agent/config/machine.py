"""The `docker` and `sysbox` sections, and the known Sysbox packages."""

import ipaddress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from clawbot_agent.config.problems import shown
from clawbot_agent.config.rules import LISTED, HttpsUrl, Must, Section, Sha256, refuse

_URL: Final = (
    "https://github.com/nestybox/sysbox/releases/download/v{version}/"
    "sysbox-ce_{version}.linux_{arch}.deb"
)

# published in the Sysbox install guide, the AUR package and coder/envbox; upstream has no
# signed checksum file
SYSBOX_RELEASES: Final = MappingProxyType(
    {
        ("0.6.7", "amd64"): "b7ac389e5a19592cadf16e0ca30e40919516128f6e1b7f99e1cb4ff64554172e",
        ("0.6.7", "arm64"): "16d80123ba53058cf90f5a68686e297621ea97942602682e34b3352783908f91",
        ("0.7.0", "amd64"): "eeff273671467b8fa351ab3d40709759462dc03d9f7b50a1b207b37982ce40a9",
        ("0.7.0", "arm64"): "eae9c0e91ddd39bd1826d6a7a313a73d42a8449ef5113e9d6d118b559cb809ba",
        ("0.7.1", "amd64"): "9d6d5484f980d0a17f86c492c1262015c2afb66280bdb97215b79fde6a0261c5",
        ("0.7.1", "arm64"): "04ca894ae0b53f0fa54eaacc173ce40363c9a95ea5450f773716a84ef650a69b",
    }
)
KNOWN_VERSIONS: Final = tuple(sorted({version for version, _ in SYSBOX_RELEASES}))


@dataclass(frozen=True, slots=True)
class SysboxPackage:
    """URL and SHA-256 (64 lower-case hex characters) of a Sysbox .deb."""

    url: str
    sha256: str


def sysbox_package(version: str, arch: str) -> SysboxPackage:
    """Return the package of a known release for a Debian architecture (`amd64`, `arm64`).

    Raises:
        KeyError: the pair is not in the table.
    """
    sha256 = SYSBOX_RELEASES[version, arch]
    return SysboxPackage(url=_URL.format(version=version, arch=arch), sha256=sha256)


_PRIVATE: Final = tuple(
    ipaddress.IPv4Network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)
_CIDR: Final = r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$"
_WIDEST: Final = 8
_NARROWEST: Final = 29

Cidr = Annotated[str, Must(_CIDR, "must be an IPv4 address with a prefix such as 172.20.0.1/16")]
LogSize = Annotated[str, Must(r"^[1-9][0-9]{0,5}[kmg]$", "must be a size such as 10m")]


def _check_private(network: ipaddress.IPv4Network, value: str, *, at: str) -> None:
    if not any(network.subnet_of(private) for private in _PRIVATE):
        refuse(f"must be in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, not {shown(value)}", at=at)
    if not _WIDEST <= network.prefixlen <= _NARROWEST:
        refuse(f"must have a prefix of /{_WIDEST} to /{_NARROWEST}, not {shown(value)}", at=at)


class AddressPool(Section):
    """An address range for the subnets of additional Docker networks."""

    base: Cidr = Field(description="private IPv4 network")
    size: int = Field(
        ge=16, le=_NARROWEST, description="prefix length of each subnet taken from it"
    )

    @model_validator(mode="after")
    def _is_network(self) -> Self:
        try:
            network = ipaddress.IPv4Network(self.base)
        except ValueError:
            refuse(f"must be a network such as 172.25.0.0/16, not {shown(self.base)}", at="base")
        _check_private(network, self.base, at="base")
        if self.size < network.prefixlen:
            refuse(f"must be at least the prefix of base, {network.prefixlen}", at="size")
        return self

    @property
    def network(self) -> ipaddress.IPv4Network:
        """The pool as a network."""
        return ipaddress.IPv4Network(self.base)


class DockerConfig(Section):
    """The Docker daemon."""

    bip: Cidr = Field(
        default="172.20.0.1/16",
        description="address and prefix of the docker bridge; the gateway trusts exactly this "
        "proxy address",
    )
    address_pools: Annotated[tuple[AddressPool, ...], LISTED] = Field(
        default=(AddressPool(base="172.25.0.0/16", size=24),),
        min_length=1,
        max_length=16,
        description="ranges for additional docker networks; must not overlap bip or each other",
    )
    log_max_size: LogSize = Field(
        default="10m", description="size at which a container log rotates"
    )
    log_max_file: int = Field(default=3, ge=1, le=100, description="rotated container logs to keep")

    @model_validator(mode="after")
    def _addresses_fit(self) -> Self:
        try:
            bridge = ipaddress.IPv4Interface(self.bip)
        except ValueError:
            refuse(f"must be a valid IPv4 address with a prefix, not {shown(self.bip)}", at="bip")
        network = bridge.network
        _check_private(network, self.bip, at="bip")
        if bridge.ip in {network.network_address, network.broadcast_address}:
            refuse(f"must be a host address inside {network}, not {shown(self.bip)}", at="bip")
        taken = [(network, "docker.bip")]
        for index, pool in enumerate(self.address_pools):
            for other, name in taken:
                if pool.network.overlaps(other):
                    at = f"address_pools[{index}].base"
                    refuse(f"{pool.base} overlaps {name} ({other})", at=at)
            taken.append((pool.network, f"docker.address_pools[{index}]"))
        return self


class SysboxConfig(Section):
    """The Sysbox container runtime."""

    enabled: bool = Field(default=True, description="install Sysbox")
    required: bool = Field(
        default=False,
        description="true: the run fails without Sysbox; false: the run ends as degraded",
    )
    version: Annotated[
        str,
        Must(r"^[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(-[0-9]{1,3})?$", "must be one exact version"),
    ] = Field(
        default="0.6.7",
        description=f"release; known: {', '.join(KNOWN_VERSIONS)}; any other needs url and sha256",
    )
    url: HttpsUrl | None = Field(
        default=None,
        description="https URL of the .deb for this instance's architecture; null = upstream's",
    )
    sha256: Sha256 | None = Field(
        default=None,
        description="SHA-256 of that .deb, 64 hex characters; null = the known one",
    )
    default_runtime: bool = Field(
        default=False,
        description="make Sysbox docker's default runtime, as OpenClaw's sandboxes need to use it",
    )

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if not self.enabled:
            for key in ("required", "default_runtime"):
                if getattr(self, key):
                    refuse("needs sysbox.enabled: true", at=key)
        if self.version in KNOWN_VERSIONS:
            return self
        for key in ("url", "sha256"):
            if getattr(self, key) is None:
                refuse(
                    f"is required for Sysbox {self.version}, which this agent does not know "
                    f"(known: {', '.join(KNOWN_VERSIONS)})",
                    at=key,
                )
        return self

    def package(self, arch: str) -> SysboxPackage:
        """Return URL and SHA-256 of the package for a Debian architecture (`amd64`, `arm64`).

        Raises:
            KeyError: a known release without overrides has no package for this architecture.
        """
        if self.url is not None and self.sha256 is not None:
            return SysboxPackage(url=self.url, sha256=self.sha256)
        known = sysbox_package(self.version, arch)
        return SysboxPackage(url=self.url or known.url, sha256=self.sha256 or known.sha256)
