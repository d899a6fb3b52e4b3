"""Names of everything in Azure: deterministic, and within each service's rules.

Rules: learn.microsoft.com, "Naming rules and restrictions for Azure resources". Vaults and storage
accounts have one name space for the whole world, so theirs end in a digest of where they are.
"""

import base64
import hashlib
import uuid
from dataclasses import dataclass
from typing import Final

__all__ = [
    "GATEWAY_TOKEN",
    "OPENCLAW_CONFIG",
    "BotNames",
    "Place",
    "SharedNames",
    "assignment_name",
]

# after the bot's name: the names of its secrets
GATEWAY_TOKEN: Final = "-gateway-token"  # noqa: S105 - a name
OPENCLAW_CONFIG: Final = "-openclaw-config"
_DIGEST_LENGTH: Final = 12
# a namespace of its own: the same assignment gets the same name from every laptop
_NAMESPACE: Final = uuid.UUID("4f3c9a52-6a0e-5c0b-9a57-0d1d6f4f7c11")
_ACCOUNT_LENGTH: Final = 24
# linux itself allows 64, but a host name is read by people
_PREFIX_LENGTH: Final = 15


@dataclass(frozen=True, slots=True)
class Place:
    """A resource group, and so a set of bots that share network and vault.

    Attributes:
        subscription: id.
        resource_group: in lower case, since Azure ignores it: one group is one place.
    """

    subscription: str
    resource_group: str

    def __post_init__(self) -> None:
        """Fold the group's name."""
        object.__setattr__(self, "resource_group", self.resource_group.lower())

    @property
    def id(self) -> str:
        """ARM id of the resource group."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"

    def resource(self, kind: str, name: str) -> str:
        """ARM id of a resource in it; `kind` as in "Microsoft.Network/virtualNetworks"."""
        return f"{self.id}/providers/{kind}/{name}"


@dataclass(frozen=True, slots=True)
class SharedNames:
    """Ids and names of what the bots of a resource group share."""

    place: Place

    @property
    def vault(self) -> str:
        """Name of the vault: 3 to 24 letters, digits and dashes, in the whole world."""
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
    """Ids and names of what belongs to one bot."""

    place: Place
    bot: str

    @property
    def identity_id(self) -> str:
        """ARM id of the user-assigned managed identity."""
        kind = "Microsoft.ManagedIdentity/userAssignedIdentities"
        return self.place.resource(kind, f"{self.bot}-identity")

    @property
    def account(self) -> str:
        """Name of the storage account: 3 to 24 lower-case letters and digits, in the world."""
        digest = _digest(self.place.subscription, self.place.resource_group, self.bot)
        room = _ACCOUNT_LENGTH - _DIGEST_LENGTH
        return f"{self.bot.replace('-', '')[:room]}{digest}"

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
        """Beginning of the instance's host name: at most 15 characters."""
        return self.bot[:_PREFIX_LENGTH].rstrip("-")

    @property
    def gateway_token(self) -> str:
        """Name of the secret made here at random, in the shared vault."""
        return f"{self.bot}{GATEWAY_TOKEN}"

    @property
    def openclaw_config(self) -> str:
        """Name of the secret that holds the fragment of openclaw.json, in the shared vault."""
        return f"{self.bot}{OPENCLAW_CONFIG}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that is the bot's own, whether its file asks for it or not."""
        return self.gateway_token, self.openclaw_config


def assignment_name(scope: str, role: str, principal: str) -> str:
    """Name of a role assignment (a UUID): the same three always give the same one."""
    return str(uuid.uuid5(_NAMESPACE, f"{scope.lower()}|{role}|{principal.lower()}"))


def _digest(*parts: str) -> str:
    """60 bits of a hash as lower-case letters and digits; Azure's ids ignore case."""
    raw = hashlib.sha256("|".join(parts).lower().encode()).digest()
    return base64.b32encode(raw).decode().lower()[:_DIGEST_LENGTH]
