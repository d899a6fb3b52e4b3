"""Names and ids of all Azure resources: deterministic, and within each service's rules.

Rules: learn.microsoft.com, "Naming rules and restrictions for Azure resources". Names of vaults and
storage accounts are globally unique, so they end in a digest of their resource group.
"""

import base64
import hashlib
import uuid
from dataclasses import dataclass
from typing import Final

# suffixes of the names of a bot's secrets
GATEWAY_TOKEN: Final = "-gateway-token"  # noqa: S105 - a name
OPENCLAW_CONFIG: Final = "-openclaw-config"
_DIGEST_LENGTH: Final = 12
# the same assignment gets the same name on every computer
_NAMESPACE: Final = uuid.UUID("4f3c9a52-6a0e-5c0b-9a57-0d1d6f4f7c11")
_ACCOUNT_LENGTH: Final = 24
# Linux allows 64, but operators read host names
_PREFIX_LENGTH: Final = 15


@dataclass(frozen=True, slots=True)
class Place:
    """A resource group, and so a set of bots that share a network and a vault.

    Attributes:
        subscription: id.
        resource_group: in lower case, because Azure ignores case.
    """

    subscription: str
    resource_group: str

    def __post_init__(self) -> None:
        """Fold the case of the group's name."""
        object.__setattr__(self, "resource_group", self.resource_group.lower())

    @property
    def id(self) -> str:
        """ARM id of the resource group."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"

    def resource(self, kind: str, name: str) -> str:
        """Return the ARM id of a resource; `kind` as in "Microsoft.Network/virtualNetworks"."""
        return f"{self.id}/providers/{kind}/{name}"


@dataclass(frozen=True, slots=True)
class SharedNames:
    """Names and ids of the resources that the bots of a resource group share."""

    place: Place

    @property
    def vault(self) -> str:
        """Name of the vault: 3 to 24 letters, digits and dashes, globally unique."""
        return f"clawbot-{_digest(self.place.subscription, self.place.resource_group)}"

    @property
    def vault_id(self) -> str:
        """ARM id of the vault."""
        return self.place.resource("Microsoft.KeyVault/vaults", self.vault)

    @property
    def network_id(self) -> str:
        """ARM id of the virtual network."""
        return self.place.resource("Microsoft.Network/virtualNetworks", "clawbot-vnet")

    @property
    def subnet_id(self) -> str:
        """ARM id of the bots' subnet."""
        return f"{self.network_id}/subnets/bots"

    @property
    def security_group_id(self) -> str:
        """ARM id of the network security group."""
        return self.place.resource("Microsoft.Network/networkSecurityGroups", "clawbot-nsg")


@dataclass(frozen=True, slots=True)
class BotNames:
    """Names and ids of the resources of one bot."""

    place: Place
    bot: str

    @property
    def identity_id(self) -> str:
        """ARM id of the user-assigned managed identity."""
        kind = "Microsoft.ManagedIdentity/userAssignedIdentities"
        return self.place.resource(kind, f"{self.bot}-identity")

    @property
    def account(self) -> str:
        """Name of the storage account: 3 to 24 lower-case letters and digits, globally unique."""
        digest = _digest(self.place.subscription, self.place.resource_group, self.bot)
        return f"{self.bot.replace('-', '')[: _ACCOUNT_LENGTH - _DIGEST_LENGTH]}{digest}"

    @property
    def account_id(self) -> str:
        """ARM id of the storage account."""
        return self.place.resource("Microsoft.Storage/storageAccounts", self.account)

    @property
    def share(self) -> str:
        """Name of the file share."""
        return "memory"

    @property
    def share_id(self) -> str:
        """ARM id of the file share."""
        return f"{self.account_id}/fileServices/default/shares/{self.share}"

    @property
    def scale_set_id(self) -> str:
        """ARM id of the scale set."""
        return self.place.resource("Microsoft.Compute/virtualMachineScaleSets", self.bot)

    @property
    def prefix_id(self) -> str:
        """ARM id of the reserved addresses."""
        return self.place.resource("Microsoft.Network/publicIPPrefixes", f"{self.bot}-addresses")

    @property
    def computer_prefix(self) -> str:
        """Prefix of the instance's host name: at most 15 characters."""
        return self.bot[:_PREFIX_LENGTH].rstrip("-")

    @property
    def gateway_token(self) -> str:
        """Name of the secret with the generated gateway token, in the shared vault."""
        return f"{self.bot}{GATEWAY_TOKEN}"

    @property
    def openclaw_config(self) -> str:
        """Name of the secret with the openclaw.json fragment, in the shared vault."""
        return f"{self.bot}{OPENCLAW_CONFIG}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of all secrets the bot may own, whether its file uses them or not."""
        return self.gateway_token, self.openclaw_config


def assignment_name(scope: str, role: str, principal: str) -> str:
    """Return the name (a UUID) of a role assignment; the same three give the same name."""
    return str(uuid.uuid5(_NAMESPACE, f"{scope.lower()}|{role}|{principal.lower()}"))


def _digest(*parts: str) -> str:
    """Return 60 bits of a hash as lower-case letters and digits; Azure's ids ignore case."""
    raw = hashlib.sha256("|".join(parts).lower().encode()).digest()
    return base64.b32encode(raw).decode().lower()[:_DIGEST_LENGTH]
