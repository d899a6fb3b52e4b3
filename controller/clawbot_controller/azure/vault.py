"""The shared vault: the bots' secrets, whose values never leave this module, and deletion."""

import hmac
import secrets
from collections.abc import Callable
from enum import StrEnum
from typing import Final, TypeVar

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.keyvault.secrets import SecretClient
from azure.mgmt.keyvault import KeyVaultManagementClient

from clawbot_controller.azure.arm import Arm, is_missing
from clawbot_controller.azure.cloud import Cloud, Report
from clawbot_controller.azure.errors import (
    AzureError,
    ForbiddenError,
    ParentMissingError,
    SecretForbiddenError,
    SecretRoleError,
)
from clawbot_controller.azure.sdk_errors import SDK_ERRORS, translate
from clawbot_controller.model.resource import API, Found

# 256 bits
_TOKEN_BYTES: Final = 32
_DELETED_SECRET: Final = "ObjectIsDeletedButRecoverable"  # noqa: S105 - an error's code
_CONFLICT: Final = 409
_VERSION: Final = API["microsoft.keyvault/vaults"]
_ResultT = TypeVar("_ResultT")


class SecretState(StrEnum):
    """A secret in the vault compared with its desired content."""

    ABSENT = "absent"
    SAME = "same"
    OTHER = "other"


class VaultSecrets:
    """Secrets of one vault; if the operator's role is assigned, a refusal is transient."""

    def __init__(self, cloud: Cloud, vault: str, *, report: Report, role_assigned: bool) -> None:
        self._retrier = cloud.retrier(report)
        self._forbidden = SecretRoleError if role_assigned else SecretForbiddenError
        url = f"https://{vault}.{cloud.vault_suffix}"
        self._client = SecretClient(url, cloud.credential, **cloud.options())

    def state(self, name: str, content: str | None = None) -> SecretState:
        """Return whether a secret exists and, if `content` is given, has that content.

        Raises:
            SecretForbiddenError: no right to read secrets.
        """
        return self._call(f"read the secret {name}", lambda: self._state(name, content))

    def ensure_token(self, name: str) -> bool:
        """Create a secret with a new random token unless it exists; return whether it did."""

        def attempt() -> bool:
            if self._state(name, None) is not SecretState.ABSENT:
                return False
            # a new token for each attempt: no value outlives its request
            self._put(name, secrets.token_urlsafe(_TOKEN_BYTES))
            return True

        return self._call(f"create the secret {name}", attempt)

    def ensure(self, name: str, content: str) -> bool:
        """Write a secret unless it has this content; return whether it was written."""

        def attempt() -> bool:
            if self._state(name, content) is SecretState.SAME:
                return False
            self._put(name, content)
            return True

        return self._call(f"write the secret {name}", attempt)

    def names(self) -> tuple[str, ...]:
        """Return the names of all secrets that are not deleted.

        Raises:
            SecretForbiddenError: no right to list secrets.
        """

        def attempt() -> tuple[str, ...]:
            found = self._client.list_properties_of_secrets()
            return tuple(one.name for one in found if one.name)

        return self._call("list the secrets of the vault", attempt)

    def delete(self, name: str, *, purge: bool) -> bool:
        """Delete and, if `purge`, purge a secret; return whether there was one to delete."""

        def attempt() -> bool:
            try:
                self._client.begin_delete_secret(name).wait()
            except ResourceNotFoundError:
                return purge and self._purge(name)
            if purge:
                self._purge(name)
            return True

        return self._call(f"delete the secret {name}", attempt)

    def _purge(self, name: str) -> bool:
        try:
            self._client.purge_deleted_secret(name)
        except ResourceNotFoundError:
            return False
        return True

    def _state(self, name: str, content: str | None) -> SecretState:
        try:
            found = self._client.get_secret(name).value or ""
        except ResourceNotFoundError:
            # a wrong 404 must not replace the bot's token: check a second way
            if any(True for _ in self._client.list_properties_of_secret_versions(name)):
                msg = f"read the secret {name}: has versions, but cannot be read"
                raise ParentMissingError(msg) from None
            return SecretState.ABSENT
        if content is None or hmac.compare_digest(found.encode(), content.encode()):
            return SecretState.SAME
        return SecretState.OTHER

    def _put(self, name: str, value: str) -> None:
        try:
            self._client.set_secret(name, value, content_type="text/plain")
        except HttpResponseError as error:
            if error.status_code != _CONFLICT or _DELETED_SECRET not in str(error):
                raise
            # a deleted secret keeps its name for the vault's retention time
            self._client.begin_recover_deleted_secret(name).wait()
            self._client.set_secret(name, value, content_type="text/plain")

    def _call(self, operation: str, attempt: Callable[[], _ResultT]) -> _ResultT:
        def once() -> _ResultT:
            try:
                return attempt()
            except SDK_ERRORS as error:
                raise self._refined(translate(error, operation)) from error

        return self._retrier.call(once)

    def _refined(self, error: AzureError) -> AzureError:
        return self._forbidden(error.message) if isinstance(error, ForbiddenError) else error


def deleted_vault(arm: Arm, subscription: str, *, region: str, name: str) -> Found | None:
    """Return a vault that is deleted but not purged; None also without the right to read it."""
    locations = f"/subscriptions/{subscription}/providers/Microsoft.KeyVault/locations"
    try:
        return arm.get(f"{locations}/{region}/deletedVaults/{name}", **{"api-version": _VERSION})
    except ForbiddenError:
        # the right is on the subscription; if it matters, Azure refuses the next request
        return None


def purge_vault(cloud: Cloud, arm: Arm, *, subscription: str, region: str, name: str) -> None:
    """Delete a deleted vault and its secrets permanently, which frees its name.

    Raises:
        ForbiddenError: purging is a separate right.
    """
    client = KeyVaultManagementClient(
        cloud.credential,
        subscription,
        base_url=cloud.arm_url,
        api_version=_VERSION,
        polling_interval=cloud.poll_seconds,
        **cloud.options(),
    )
    arm.finish(
        f"purge the vault {name}",
        lambda: client.vaults.begin_purge_deleted(name, region),
        accept=is_missing,
    )
