"""Known Sysbox packages with their hashes, so that nothing unverified is ever installed."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_URL: Final = (
    "https://github.com/nestybox/sysbox/releases/download/v{version}/"
    "sysbox-ce_{version}.linux_{arch}.deb"
)

# hashes as published in the Sysbox install guide, the AUR package and coder/envbox; upstream
# ships no signed checksum file
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
    """Where a Sysbox .deb is and which SHA-256 (64 lower-case hex characters) it must have."""

    url: str
    sha256: str


def package(version: str, arch: str) -> SysboxPackage:
    """Return the package of a known release for a Debian architecture (`amd64`, `arm64`).

    Raises:
        KeyError: the pair is not in the table.
    """
    sha256 = SYSBOX_RELEASES[version, arch]
    return SysboxPackage(url=_URL.format(version=version, arch=arch), sha256=sha256)
