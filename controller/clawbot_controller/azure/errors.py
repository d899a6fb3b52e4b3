"""What Azure can answer, one class for each thing that an operator can do about it."""

from typing import ClassVar, Final

from clawbot_agent.core.errors import BRIEF, PATIENT, PROPAGATION, ClawbotError, RetryPolicy

__all__ = [
    "AccountElsewhereError",
    "AzureBusyError",
    "AzureError",
    "AzureThrottledError",
    "AzureTlsError",
    "AzureUnreachableError",
    "ChangedMeanwhileError",
    "ForbiddenError",
    "LockedError",
    "NameTakenError",
    "NoCredentialsError",
    "NotChangeableError",
    "NotOursError",
    "OperationFailedError",
    "OperationTimeoutError",
    "ParentMissingError",
    "PolicyError",
    "PrincipalUnknownError",
    "ProviderMissingError",
    "QuotaError",
    "RequestRefusedError",
    "SecretForbiddenError",
    "SecretRoleError",
    "SizeNotOfferedError",
    "SubscriptionDisabledError",
    "SubscriptionUnknownError",
    "TokenRefusedError",
    "VaultClosedError",
    "VaultPolicyError",
]

# another operation on the same resource: a scale set takes some minutes
_OPERATION: Final = RetryPolicy(first=5, longest=20, within=900)


# Azure says some minutes for a registration
_REGISTRATION: Final = RetryPolicy(first=5, longest=15, within=600)


class AzureError(ClawbotError):
    """Base of what Azure answers.

    Attributes:
        wait: seconds that Azure asked to wait for (Retry-After); None when it did not.
    """

    wait: float | None = None


class NoCredentialsError(AzureError):
    """This machine has no credentials for Azure, or they are out of date."""

    code: ClassVar[str] = "AZURE_NO_CREDENTIALS"
    hint = "run 'az login', or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET"


class TokenRefusedError(AzureError):
    """Azure does not accept the token that it was shown."""

    code: ClassVar[str] = "AZURE_TOKEN_REFUSED"
    retry = BRIEF
    hint = "run 'az login' for the tenant of this subscription, and check this machine's clock"


class ForbiddenError(AzureError):
    """You may not do this in Azure."""

    code: ClassVar[str] = "AZURE_FORBIDDEN"
    hint = (
        "you need Contributor and User Access Administrator (or Owner) on the resource group; on "
        "the subscription to have the group made or a provider registered"
    )


class SubscriptionUnknownError(AzureError):
    """There is no such subscription, or not for you."""

    code: ClassVar[str] = "AZURE_SUBSCRIPTION_UNKNOWN"
    hint = "compare azure.subscription with 'az account list'"


class RequestRefusedError(AzureError):
    """Azure refuses what was asked for, as it was asked for."""

    code: ClassVar[str] = "AZURE_REQUEST_REFUSED"
    hint = "the message is Azure's own; correct what it names in the deployment file"


class NameTakenError(AzureError):
    """Somebody else in the world has the name of the vault or the storage account."""

    code: ClassVar[str] = "AZURE_NAME_TAKEN"
    hint = (
        "choose another bot.name (storage account) or azure.resource_group (vault), or have a "
        "deleted vault of that name recovered or purged"
    )


class NotChangeableError(AzureError):
    """Azure cannot change this part of what is there."""

    code: ClassVar[str] = "AZURE_NOT_CHANGEABLE"
    hint = (
        "put the old value back; or, for the bot's own resources, 'destroy' (which keeps the "
        "memory) and 'up'; bots in another region need a resource group of their own"
    )


class NotOursError(AzureError):
    """Something that was not made for this bot has a name that the bot needs."""

    code: ClassVar[str] = "AZURE_NOT_OURS"
    hint = (
        "choose another bot.name, or azure.resource_group for what bots share; if it is this "
        "bot's all the same, give it that tag yourself"
    )


class AccountElsewhereError(AzureError):
    """The storage account is in another resource group of this subscription."""

    code: ClassVar[str] = "AZURE_ACCOUNT_ELSEWHERE"
    hint = "move it back to azure.resource_group, or choose another bot.name"


class LockedError(AzureError):
    """A lock forbids to change or to delete this."""

    code: ClassVar[str] = "AZURE_LOCKED"
    hint = "have the lock removed that the message names ('az lock list'), then run it again"


class PolicyError(AzureError):
    """A policy of your company forbids this."""

    code: ClassVar[str] = "AZURE_POLICY"
    hint = "show the message to who keeps the policy; azure.tags may be all that it asks for"


class SubscriptionDisabledError(AzureError):
    """The subscription is disabled, and so can only be read."""

    code: ClassVar[str] = "AZURE_SUBSCRIPTION_DISABLED"
    hint = "have it enabled again (the portal's Subscriptions: mostly a bill or a spending limit)"


class VaultClosedError(AzureError):
    """The vault's firewall does not let this machine in."""

    code: ClassVar[str] = "VAULT_CLOSED"
    hint = "allow this machine's address in the vault's networking, or run this from inside"


class VaultPolicyError(AzureError):
    """The vault goes by access policies instead of roles, or by a policy of your company."""

    code: ClassVar[str] = "VAULT_POLICY"
    hint = "set the vault to Azure role-based access control, then run the same command again"


class QuotaError(AzureError):
    """The subscription's quota has no room for the instance."""

    code: ClassVar[str] = "AZURE_QUOTA"
    hint = "ask for more quota in the portal (Quotas, Compute), or choose another azure.size"


class SizeNotOfferedError(AzureError):
    """The size cannot be had in this region with this subscription."""

    code: ClassVar[str] = "AZURE_SIZE_NOT_OFFERED"
    hint = "choose another azure.tier, azure.size or azure.region"


class AzureBusyError(AzureError):
    """Another operation is at work on the same resource."""

    code: ClassVar[str] = "AZURE_BUSY"
    retry = _OPERATION
    hint = "wait until it has ended, then run the same command again"


class ChangedMeanwhileError(AzureError):
    """Somebody else changed the same thing at the same time."""

    code: ClassVar[str] = "AZURE_CHANGED_MEANWHILE"
    retry = BRIEF
    hint = "run the same command again, once nobody else works on this resource group"


class AzureThrottledError(AzureError):
    """Azure asks for fewer requests (429)."""

    code: ClassVar[str] = "AZURE_THROTTLED"
    retry = PATIENT
    hint = "something in this subscription asks very often; wait, then run the command again"


class AzureUnreachableError(AzureError):
    """No answer of Azure: no name, no connection, cut off, unreadable, or 5xx."""

    code: ClassVar[str] = "AZURE_UNREACHABLE"
    retry = PATIENT
    hint = "check this machine's network and status.azure.com, then run the command again"


class AzureTlsError(AzureError):
    """Who answers at Azure's name has no certificate that is trusted here."""

    code: ClassVar[str] = "AZURE_TLS"
    hint = "check this machine's clock and certificates, and whether something intercepts TLS"


class ParentMissingError(AzureError):
    """Azure does not yet know something that was made a moment ago."""

    code: ClassVar[str] = "AZURE_NOT_THERE_YET"
    retry = BRIEF
    hint = "run the same command again; if this stays, somebody removes what is made"


class PrincipalUnknownError(AzureError):
    """The directory does not know the new identity yet."""

    code: ClassVar[str] = "AZURE_PRINCIPAL_UNKNOWN"
    retry = PROPAGATION
    hint = "Azure's directory is slow at the moment; run 'up' again later"


class ProviderMissingError(AzureError):
    """The subscription never had such a resource; its provider is being registered."""

    code: ClassVar[str] = "AZURE_PROVIDER_UNREGISTERED"
    retry = _REGISTRATION
    hint = "run 'az provider register --namespace' with the provider that the message names"


class OperationFailedError(AzureError):
    """Azure began to do it and failed."""

    code: ClassVar[str] = "AZURE_OPERATION_FAILED"
    hint = "the message is Azure's own; run the same command again to continue"


class OperationTimeoutError(AzureError):
    """Azure is at it for longer than this command waits."""

    code: ClassVar[str] = "AZURE_OPERATION_SLOW"
    hint = "look at 'status' now and then; the same command again continues"


class SecretForbiddenError(AzureError):
    """You may not read or write the bot's secrets, and could not be given the role for it."""

    code: ClassVar[str] = "VAULT_FORBIDDEN"
    retry = BRIEF
    hint = "have somebody give you the role Key Vault Secrets Officer on the vault"


class SecretRoleError(SecretForbiddenError):
    """You have the role for the bot's secrets, but the vault does not know it yet."""

    code: ClassVar[str] = "VAULT_ROLE_PENDING"
    retry = PROPAGATION
    hint = "roles take minutes, seldom more than ten; run 'up' again later"
