"""Errors between the instance and Azure, one class for each thing to do about it.

Sources of the answers' meaning: Microsoft's pages on tokens of a managed identity
(MicrosoftDocs/entra-docs, how-to-use-vm-token.md) and on the error codes of Key Vault
(MicrosoftDocs/azure-docs, key-vault/general).
"""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clawbot_agent.core.errors import (
    BRIEF,
    PATIENT,
    PROPAGATION,
    ClawbotError,
    FailureCause,
    RetryPolicy,
)

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError

__all__ = [
    "ArmRefusedError",
    "ArmThrottledError",
    "ArmTlsError",
    "ArmUnauthorizedError",
    "ArmUnreachableError",
    "IdentityNotFoundError",
    "ImdsRefusedError",
    "ImdsUnavailableError",
    "KeyVaultAccessLostError",
    "KeyVaultFirewallError",
    "KeyVaultForbiddenError",
    "KeyVaultRefusedError",
    "KeyVaultSecretDisabledError",
    "KeyVaultSecretEmptyError",
    "KeyVaultSecretNotFoundError",
    "KeyVaultThrottledError",
    "KeyVaultTlsError",
    "KeyVaultUnauthorizedError",
    "KeyVaultUnreachableError",
    "NoAnswer",
    "StorageAccessLostError",
    "StorageAccountNotFoundError",
    "StorageKeysForbiddenError",
    "no_answer",
]


class ImdsUnavailableError(ClawbotError):
    """The instance metadata service does not answer, or returns a transient error.

    404 and 5xx are transient; 410 means an update of up to 70 seconds.
    """

    code = "IMDS_UNAVAILABLE"
    cause = FailureCause.INSTANCE
    retry = PATIENT
    hint = "check that no firewall on the instance blocks 169.254.169.254, then run again"


class ImdsRefusedError(ClawbotError):
    """The instance metadata service refuses to issue a token."""

    code = "IMDS_REFUSED"
    cause = FailureCause.OPERATOR
    hint = "compare azure.client_id in the configuration with the identities of the scale set"


class IdentityNotFoundError(ClawbotError):
    """The managed identity in the configuration is not attached to the instance.

    On a first boot the identity can be attached a little later than the instance starts.
    """

    code = "IDENTITY_NOT_FOUND"
    cause = FailureCause.OPERATOR
    retry = RetryPolicy(first=3, longest=15, within=75)
    hint = "attach the user-assigned identity with this client id to the scale set"


class KeyVaultForbiddenError(ClawbotError):
    """The managed identity has no access to the secret, or not yet."""

    code = "KEYVAULT_FORBIDDEN"
    cause = FailureCause.OPERATOR
    retry = PROPAGATION
    hint = "assign the role 'Key Vault Secrets User' on the vault to the bot's identity"


class KeyVaultAccessLostError(KeyVaultForbiddenError):
    """The managed identity has lost its access to the secret."""

    retry = BRIEF


class KeyVaultFirewallError(ClawbotError):
    """The vault's network rules deny access from the instance."""

    code = "KEYVAULT_FIREWALL"
    cause = FailureCause.OPERATOR
    hint = (
        "allow the instance's subnet in the vault's network rules (service endpoint "
        "Microsoft.KeyVault), or give the vault a private endpoint in its network"
    )


class KeyVaultUnauthorizedError(ClawbotError):
    """The vault refuses the instance's token."""

    code = "KEYVAULT_UNAUTHORIZED"
    cause = FailureCause.OPERATOR
    retry = BRIEF
    hint = "check that the vault and the identity belong to the same tenant, and the clock"


class KeyVaultSecretNotFoundError(ClawbotError):
    """The vault has no such secret."""

    code = "KEYVAULT_SECRET_NOT_FOUND"
    cause = FailureCause.OPERATOR
    hint = "create it with 'az keyvault secret set', or correct its name under secrets"


class KeyVaultSecretDisabledError(ClawbotError):
    """The secret is disabled, expired or not valid yet."""

    code = "KEYVAULT_SECRET_DISABLED"
    cause = FailureCause.OPERATOR
    hint = "enable the secret's newest version, or set a new value"


class KeyVaultSecretEmptyError(ClawbotError):
    """The secret has no value."""

    code = "KEYVAULT_SECRET_EMPTY"
    cause = FailureCause.OPERATOR
    hint = "set a value with 'az keyvault secret set --file FILE'"


class KeyVaultThrottledError(ClawbotError):
    """The vault answers 429; its limits apply to windows of 10 seconds."""

    code = "KEYVAULT_THROTTLED"
    cause = FailureCause.EXTERNAL
    # at least a whole window, whatever Retry-After says: an earlier request prolongs it
    retry = RetryPolicy(first=20, longest=30, within=300)
    hint = "use a separate vault for the bot: another client reads this one very often"


class KeyVaultUnreachableError(ClawbotError):
    """The vault does not answer: unresolved name, no or lost connection, or 5xx."""

    code = "KEYVAULT_UNREACHABLE"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = "check the vault's name, the instance's DNS and outbound port 443"


class KeyVaultTlsError(ClawbotError):
    """The server at the vault's address presents an untrusted certificate."""

    code = "KEYVAULT_TLS"
    cause = FailureCause.OPERATOR
    hint = (
        "check the instance's clock and ca-certificates, and whether a proxy between "
        "instance and vault intercepts TLS"
    )


class KeyVaultRefusedError(ClawbotError):
    """The answer is not one of a Key Vault."""

    code = "KEYVAULT_REFUSED"
    cause = FailureCause.OPERATOR
    hint = "check azure.key_vault and azure.key_vault_suffix in the configuration"


class StorageKeysForbiddenError(ClawbotError):
    """The managed identity has no access to the account's keys, or not yet."""

    code = "STORAGE_KEYS_FORBIDDEN"
    cause = FailureCause.OPERATOR
    retry = PROPAGATION
    hint = (
        "assign the role 'Reader and Data Access' on the storage account to the bot's identity, "
        "or put the key into Key Vault and name it in share.key_secret"
    )


class StorageAccessLostError(StorageKeysForbiddenError):
    """The managed identity has lost its access to the account's keys."""

    retry = BRIEF


class StorageAccountNotFoundError(ClawbotError):
    """The storage account does not exist in the resource group."""

    code = "STORAGE_ACCOUNT_NOT_FOUND"
    cause = FailureCause.OPERATOR
    hint = "correct share.account; if it is in another resource group, set share.resource_group"


class ArmThrottledError(ClawbotError):
    """Azure Resource Manager answers 429."""

    code = "ARM_THROTTLED"
    cause = FailureCause.EXTERNAL
    retry = RetryPolicy(first=20, longest=60, within=300)
    hint = "wait, then run again: another client in this subscription sends many requests"


class ArmUnreachableError(ClawbotError):
    """Azure Resource Manager does not answer: no name, no or lost connection, or 5xx."""

    code = "ARM_UNREACHABLE"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = "check the instance's DNS and outbound port 443 to management.azure.com"


class ArmTlsError(ClawbotError):
    """The server at Azure Resource Manager's address presents an untrusted certificate."""

    code = "ARM_TLS"
    cause = FailureCause.OPERATOR
    hint = "check the instance's clock and ca-certificates, and whether a proxy intercepts TLS"


class ArmUnauthorizedError(ClawbotError):
    """Azure Resource Manager refuses the instance's token."""

    code = "ARM_UNAUTHORIZED"
    cause = FailureCause.OPERATOR
    retry = BRIEF
    hint = "check that the subscription and the identity belong to one tenant, and the clock"


class ArmRefusedError(ClawbotError):
    """Azure Resource Manager returned an unexpected answer."""

    code = "ARM_REFUSED"
    cause = FailureCause.OPERATOR
    hint = "check share.account, share.suffix and share.resource_group in the configuration"


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why a call got no answer.

    Attributes:
        tls: whether a server answered with an untrusted certificate.
        why: the system's message; contains neither token nor secret.
    """

    tls: bool
    why: str


def no_answer(error: "AzureError") -> NoAnswer:
    """Return the innermost cause of an SDK's error, which the SDK hides."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return NoAnswer(tls=True, why=cause.verify_message)
    system = next((c for c in causes if isinstance(c, OSError) and c.errno is not None), None)
    if system is not None:
        return NoAnswer(tls=False, why=str(system.strerror))
    # a connection that is closed, or silent, causes an error without a number
    plain = next((c for c in causes if isinstance(c, ConnectionError | TimeoutError)), None)
    return NoAnswer(tls=False, why=type(error).__name__ if plain is None else str(plain))


def _causes(error: BaseException) -> Iterator[BaseException]:
    # requests and urllib3 keep the cause in `args` or `reason`, azure-core in `inner_exception`
    seen: list[BaseException] = []
    todo: list[Any] = [error]
    while todo:
        one = todo.pop(0)
        if not isinstance(one, BaseException) or one in seen:
            continue
        seen.append(one)
        yield one
        inner = (getattr(one, name, None) for name in ("inner_exception", "reason"))
        todo += [*inner, *one.args, one.__cause__, one.__context__]
