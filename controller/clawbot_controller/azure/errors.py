"""Errors from Azure: one class for each thing that the operator can do next."""

from typing import ClassVar, Final

from clawbot_agent.core.errors import BRIEF, PATIENT, PROPAGATION, ClawbotError, RetryPolicy

# another operation on the same resource: minutes for a scale set
_OPERATION: Final = RetryPolicy(first=5, longest=20, within=900)
# Azure documents some minutes for a registration
_REGISTRATION: Final = RetryPolicy(first=5, longest=15, within=600)


class AzureError(ClawbotError):
    """Base of the errors from Azure.

    Attributes:
        wait: seconds that Azure requires before a retry (Retry-After); None if it does not say.
    """

    wait: float | None = None


class NoCredentialsError(AzureError):
    """This computer has no valid credentials for Azure."""

    code: ClassVar[str] = "AZURE_NO_CREDENTIALS"
    hint = "run 'az login', or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET"


class TokenRefusedError(AzureError):
    """Azure refuses the access token."""

    code: ClassVar[str] = "AZURE_TOKEN_REFUSED"
    retry = BRIEF
    hint = "run 'az login' for the tenant of this subscription, and check this computer's clock"


class ForbiddenError(AzureError):
    """Your roles do not permit this operation."""

    code: ClassVar[str] = "AZURE_FORBIDDEN"
    hint = (
        "request Owner, or Contributor and User Access Administrator, on the resource group; to "
        "create the group or register a provider, on the subscription"
    )


class SubscriptionUnknownError(AzureError):
    """The subscription does not exist or you have no access to it."""

    code: ClassVar[str] = "AZURE_SUBSCRIPTION_UNKNOWN"
    hint = "compare azure.subscription with 'az account list'"


class RequestRefusedError(AzureError):
    """Azure rejects the request as invalid."""

    code: ClassVar[str] = "AZURE_REQUEST_REFUSED"
    hint = "correct in the deployment file what Azure's message names"


class NameTakenError(AzureError):
    """The globally unique name of the vault or the storage account is already in use."""

    code: ClassVar[str] = "AZURE_NAME_TAKEN"
    hint = (
        "choose another bot.name (storage account) or azure.resource_group (vault), or recover or "
        "purge the deleted vault of that name"
    )


class NotChangeableError(AzureError):
    """Azure cannot change this property of an existing resource."""

    code: ClassVar[str] = "AZURE_NOT_CHANGEABLE"
    hint = (
        "restore the old value; or, for a resource of the bot itself, run 'destroy', which keeps "
        "the bot data, then 'up'; bots in another region need their own resource group"
    )


class NotOursError(AzureError):
    """A resource that was not created for this bot has a name that the bot needs."""

    code: ClassVar[str] = "AZURE_NOT_OURS"
    hint = (
        "choose another bot.name, or another azure.resource_group for a shared resource; if the "
        "resource does belong to the bot, add the tag from the message"
    )


class AccountElsewhereError(AzureError):
    """The storage account is in another resource group of this subscription."""

    code: ClassVar[str] = "AZURE_ACCOUNT_ELSEWHERE"
    hint = "move the account back to azure.resource_group, or choose another bot.name"


class LockedError(AzureError):
    """A resource lock prevents the change or deletion."""

    code: ClassVar[str] = "AZURE_LOCKED"
    hint = "remove the lock named in the message ('az lock list'), then run the command again"


class PolicyError(AzureError):
    """An Azure policy denies the operation."""

    code: ClassVar[str] = "AZURE_POLICY"
    hint = "send the message to the owner of the policy; if it requires tags, set azure.tags"


class SubscriptionDisabledError(AzureError):
    """The subscription is disabled and therefore read-only."""

    code: ClassVar[str] = "AZURE_SUBSCRIPTION_DISABLED"
    hint = "enable it under Subscriptions in the portal; check for an unpaid bill or a spending cap"


class VaultClosedError(AzureError):
    """The vault's firewall blocks this computer."""

    code: ClassVar[str] = "VAULT_CLOSED"
    hint = (
        "allow this computer's address in the vault's networking settings, or run the command "
        "from an allowed network"
    )


class VaultPolicyError(AzureError):
    """The vault uses access policies instead of roles, or a company policy denies access."""

    code: ClassVar[str] = "VAULT_POLICY"
    hint = "set the vault to Azure role-based access control, then run the same command again"


class QuotaError(AzureError):
    """The subscription's quota does not allow another instance."""

    code: ClassVar[str] = "AZURE_QUOTA"
    hint = "request more quota in the portal (Quotas, Compute), or choose another azure.size"


class SizeNotOfferedError(AzureError):
    """The size is not available in this region with this subscription."""

    code: ClassVar[str] = "AZURE_SIZE_NOT_OFFERED"
    hint = "choose another azure.tier, azure.size or azure.region"


class AzureBusyError(AzureError):
    """Another operation on the same resource is in progress."""

    code: ClassVar[str] = "AZURE_BUSY"
    retry = _OPERATION
    hint = "wait for the other operation to finish, then run the same command again"


class ChangedMeanwhileError(AzureError):
    """Another client changed the resource at the same time."""

    code: ClassVar[str] = "AZURE_CHANGED_MEANWHILE"
    retry = BRIEF
    hint = "run the same command again when no other client changes this resource group"


class AzureThrottledError(AzureError):
    """Azure limits the request rate (HTTP 429)."""

    code: ClassVar[str] = "AZURE_THROTTLED"
    retry = PATIENT
    hint = (
        "wait, then run the command again; if it persists, check which client of the subscription "
        "sends many requests"
    )


class AzureUnreachableError(AzureError):
    """Azure gave no usable answer: no address, no connection, an incomplete answer, or HTTP 5xx."""

    code: ClassVar[str] = "AZURE_UNREACHABLE"
    retry = PATIENT
    hint = "check this computer's network and status.azure.com, then run the command again"


class AzureTlsError(AzureError):
    """The server at Azure's address presents an untrusted certificate."""

    code: ClassVar[str] = "AZURE_TLS"
    hint = "check this computer's clock and CA certificates, and whether a proxy intercepts TLS"


class ParentMissingError(AzureError):
    """A resource created moments ago is not visible yet."""

    code: ClassVar[str] = "AZURE_NOT_THERE_YET"
    retry = BRIEF
    hint = "run the same command again; if it persists, check whether another client deletes it"


class PrincipalUnknownError(AzureError):
    """The directory does not have the new identity yet."""

    code: ClassVar[str] = "AZURE_PRINCIPAL_UNKNOWN"
    retry = PROPAGATION
    hint = "wait some minutes for Azure's directory, then run 'clawbot-controller up' again"


class ProviderMissingError(AzureError):
    """The subscription does not have this resource provider registered yet."""

    code: ClassVar[str] = "AZURE_PROVIDER_UNREGISTERED"
    retry = _REGISTRATION
    hint = "run 'az provider register --namespace' with the provider named in the message"


class OperationFailedError(AzureError):
    """Azure accepted the operation, which then failed."""

    code: ClassVar[str] = "AZURE_OPERATION_FAILED"
    hint = "check Azure's message; run the same command again to continue"


class OperationTimeoutError(AzureError):
    """An operation in Azure takes longer than this command waits."""

    code: ClassVar[str] = "AZURE_OPERATION_SLOW"
    hint = "check 'clawbot-controller status'; run the same command again to continue"


class SecretForbiddenError(AzureError):
    """You may not access the bot's secrets, and the role for them could not be assigned to you."""

    code: ClassVar[str] = "VAULT_FORBIDDEN"
    retry = BRIEF
    hint = "request the role 'Key Vault Secrets Officer' on the vault"


class SecretRoleError(SecretForbiddenError):
    """Your role for the bot's secrets has not reached the vault yet."""

    code: ClassVar[str] = "VAULT_ROLE_PENDING"
    retry = PROPAGATION
    hint = "wait, usually less than 10 min, then run 'clawbot-controller up' again"
