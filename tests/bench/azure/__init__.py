"""Stand-ins for Azure's services: the real protocols under the real names, without a subscription.

Standard library and the ``openssl`` command only; independent of the product.
"""

from typing import Final

TENANT_ID: Final = "6b1d0a5e-0c53-4a0f-9d1c-2f5f0d3a7c11"
SUBSCRIPTION_ID: Final = "0d5a3c1e-7d1b-4a7e-8c56-3f0f4c8e9a21"
RESOURCE_GROUP: Final = "bench-rg"
LOCATION: Final = "eastus"

VAULT: Final = "bench-vault"
# the instance's user-assigned managed identity, unless changed through control
CLIENT_ID: Final = "5f0c1a9e-3d52-4b7c-9a61-0e8f7d2b4c10"
PRINCIPAL_ID: Final = "c2a4f6e8-1b3d-4f5a-8c7e-9d0b2a4c6e81"
IDENTITY_NAME: Final = "bench-bot"

# the storage account; only its share answers
ACCOUNT: Final = "benchfiles"

IMDS_ADDRESS: Final = "169.254.169.254"
WIRESERVER_ADDRESS: Final = "168.63.129.16"

NAMES: Final[dict[str, str]] = {
    f"{VAULT}.vault.azure.net": "keyvault",
    "github.com": "github",
    "release-assets.githubusercontent.com": "github",
    "registry-1.docker.io": "registry",
    "auth.docker.io": "registry",
    "ghcr.io": "registry",
    "management.azure.com": "arm",
    "prices.azure.com": "prices",
    f"{ACCOUNT}.file.core.windows.net": "files",
    # any name below: vaults and accounts created through ARM
    "*.vault.azure.net": "keyvault",
    "*.file.core.windows.net": "files",
}
"""DNS name to service key, for the bench's DNS; "*." matches every name below."""

ADDRESSES: Final[dict[str, str]] = {
    "keyvault": "100.64.0.10",
    "github": "100.64.0.11",
    "registry": "100.64.0.12",
    "arm": "100.64.0.13",
    "files": "100.64.0.14",
    "prices": "100.64.0.15",
}
"""Service key to IPv4 address. IMDS and the wire server have fixed addresses; `files` is
`tests.bench.files`, all others are web services."""

HOST_PACKAGES: Final[tuple[str, ...]] = (
    "ca-certificates",
    "debian-archive-keyring",
    "dpkg",
    "mmdebstrap",
    "openssl",
    "pigz",
    "tar",
    "python3-venv",
)
"""Debian packages that the host needs to build the artifacts and run the services."""
