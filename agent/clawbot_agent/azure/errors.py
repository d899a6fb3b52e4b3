"""What can go wrong between the instance and Azure, one class for each thing to do about it.

Which answer means what: MicrosoftDocs/entra-docs, how-to-use-vm-token.md (identity) and
MicrosoftDocs/azure-docs, key-vault/general/rest-error-codes.md (Key Vault).
"""

from clawbot_agent.core.errors import (
    BRIEF,
    PATIENT,
    PROPAGATION,
    ClawbotError,
    FailureCause,
    RetryPolicy,
)

__all__ = [
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
]


class ImdsUnavailableError(ClawbotError):
    """The instance metadata service does not answer, or says that it will later.

    404 and 5xx pass; 410 means that it is being updated, for up to 70 seconds.
    """

    code = "IMDS_UNAVAILABLE"
    cause = FailureCause.INSTANCE
    retry = PATIENT
    hint = "check that no firewall on the instance blocks 169.254.169.254, then run again"


class ImdsRefusedError(ClawbotError):
    """The instance metadata service refused to issue a token."""

    code = "IMDS_REFUSED"
    cause = FailureCause.OPERATOR
    hint = "compare azure.client_id in the configuration with the identities of the scale set"


class IdentityNotFoundError(ClawbotError):
    """The instance does not carry the identity that the configuration names.

    On a first boot the identity can arrive a little later than the instance.
    """

    code = "IDENTITY_NOT_FOUND"
    cause = FailureCause.OPERATOR
    retry = RetryPolicy(first=3, longest=15, within=75)
    hint = "attach the user-assigned identity with this client id to the scale set"


class KeyVaultForbiddenError(ClawbotError):
    """The identity may not read the secret, or may not yet."""

    code = "KEYVAULT_FORBIDDEN"
    cause = FailureCause.OPERATOR
    retry = PROPAGATION
    hint = "assign the role 'Key Vault Secrets User' on the vault to the bot's identity"


class KeyVaultAccessLostError(KeyVaultForbiddenError):
    """The identity could read the secret before and now may not: no new role is on its way."""

    retry = BRIEF


class KeyVaultFirewallError(ClawbotError):
    """The vault's network rules keep the instance out."""

    code = "KEYVAULT_FIREWALL"
    cause = FailureCause.OPERATOR
    hint = (
        "allow the instance's subnet in the vault's network rules (service endpoint "
        "Microsoft.KeyVault), or give the vault a private endpoint in its network"
    )


class KeyVaultUnauthorizedError(ClawbotError):
    """The vault does not accept the instance's token."""

    code = "KEYVAULT_UNAUTHORIZED"
    cause = FailureCause.OPERATOR
    retry = BRIEF
    hint = "check that vault and identity belong to the same tenant and that the clock is right"


class KeyVaultSecretNotFoundError(ClawbotError):
    """The vault has no such secret."""

    code = "KEYVAULT_SECRET_NOT_FOUND"
    cause = FailureCause.OPERATOR
    hint = "create it with 'az keyvault secret set', or correct its name under secrets"


class KeyVaultSecretDisabledError(ClawbotError):
    """The secret is there but disabled, expired or not valid yet."""

    code = "KEYVAULT_SECRET_DISABLED"
    cause = FailureCause.OPERATOR
    hint = "enable the secret's newest version, or set a new value"


class KeyVaultSecretEmptyError(ClawbotError):
    """The secret is there and has no value."""

    code = "KEYVAULT_SECRET_EMPTY"
    cause = FailureCause.OPERATOR
    hint = "set a value with 'az keyvault secret set --file FILE'"


class KeyVaultThrottledError(ClawbotError):
    """The vault answers 429; its limits count in windows of 10 seconds."""

    code = "KEYVAULT_THROTTLED"
    cause = FailureCause.EXTERNAL
    # a whole window at least, whatever Retry-After says: asking sooner prolongs it
    retry = RetryPolicy(first=20, longest=30, within=300)
    hint = "something else reads this vault very often; give the bot a vault of its own"


class KeyVaultUnreachableError(ClawbotError):
    """No answer of the vault: name not resolved, no connection, cut off, or 5xx."""

    code = "KEYVAULT_UNREACHABLE"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = "check the vault's name, the instance's DNS and outbound port 443"


class KeyVaultTlsError(ClawbotError):
    """Who answers at the vault's name has no certificate that this instance trusts."""

    code = "KEYVAULT_TLS"
    cause = FailureCause.OPERATOR
    hint = (
        "check the instance's clock and ca-certificates, and whether something between "
        "instance and vault intercepts TLS"
    )


class KeyVaultRefusedError(ClawbotError):
    """The vault gave an answer that a vault does not give."""

    code = "KEYVAULT_REFUSED"
    cause = FailureCause.OPERATOR
    hint = "check azure.key_vault and azure.key_vault_suffix in the configuration"
