"""What can go wrong when Azure Resource Manager is asked for a storage account's key."""

from clawbot_agent.core.errors import (
    BRIEF,
    PATIENT,
    PROPAGATION,
    ClawbotError,
    FailureCause,
    RetryPolicy,
)

__all__ = [
    "ArmRefusedError",
    "ArmThrottledError",
    "ArmTlsError",
    "ArmUnauthorizedError",
    "ArmUnreachableError",
    "StorageAccessLostError",
    "StorageAccountNotFoundError",
    "StorageKeysForbiddenError",
]


class StorageKeysForbiddenError(ClawbotError):
    """The identity may not list the account's keys, or may not yet."""

    code = "STORAGE_KEYS_FORBIDDEN"
    cause = FailureCause.OPERATOR
    retry = PROPAGATION
    hint = (
        "assign the role 'Reader and Data Access' on the storage account to the bot's identity, "
        "or put the key into Key Vault and name it in share.key_secret"
    )


class StorageAccessLostError(StorageKeysForbiddenError):
    """The identity could list the keys before and now may not: no new role is on its way."""

    retry = BRIEF


class StorageAccountNotFoundError(ClawbotError):
    """There is no such storage account where it was looked for."""

    code = "STORAGE_ACCOUNT_NOT_FOUND"
    cause = FailureCause.OPERATOR
    hint = "correct share.account; set share.resource_group when it is not the instance's own"


class ArmThrottledError(ClawbotError):
    """Azure Resource Manager answers 429."""

    code = "ARM_THROTTLED"
    cause = FailureCause.EXTERNAL
    retry = RetryPolicy(first=20, longest=60, within=300)
    hint = "something else in this subscription asks very often; wait, then run again"


class ArmUnreachableError(ClawbotError):
    """No answer of Azure Resource Manager: no name, no connection, cut off, or 5xx."""

    code = "ARM_UNREACHABLE"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = "check the instance's DNS and outbound port 443 to management.azure.com"


class ArmTlsError(ClawbotError):
    """Who answers at Azure Resource Manager's name has no certificate that is trusted here."""

    code = "ARM_TLS"
    cause = FailureCause.OPERATOR
    hint = "check the instance's clock and ca-certificates, and whether something intercepts TLS"


class ArmUnauthorizedError(ClawbotError):
    """Azure Resource Manager does not accept the instance's token."""

    code = "ARM_UNAUTHORIZED"
    cause = FailureCause.OPERATOR
    retry = BRIEF
    hint = "check that subscription and identity belong to one tenant and that the clock is right"


class ArmRefusedError(ClawbotError):
    """Azure Resource Manager gave an answer that is none to this question."""

    code = "ARM_REFUSED"
    cause = FailureCause.OPERATOR
    hint = "check share.account, share.suffix and share.resource_group in the configuration"
