"""The bots' secrets in the shared vault. Values come in and never go out of this module."""

import hmac
import secrets
from collections.abc import Callable
from enum import StrEnum
from typing import Final, TypeVar

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.keyvault.secrets import SecretClient

from clawbot_controller.azure.cloud import Cloud, Tell
from clawbot_controller.azure.errors import (
    AzureError,
    ForbiddenError,
    ParentMissingError,
    SecretForbiddenError,
    SecretRoleError,
)
from clawbot_controller.azure.failures import CAUGHT, translated

__all__ = ["SecretState", "Secrets"]

# 256 bits
_TOKEN_BYTES: Final = 32
_DELETED_SECRET: Final = "ObjectIsDeletedButRecoverable"  # noqa: S105 - an error's code
_CONFLICT: Final = 409
_ResultT = TypeVar("_ResultT")


class SecretState(StrEnum):
    """How a secret in the vault compares with what it should be."""

    ABSENT = "absent"
    SAME = "same"
    OTHER = "other"


class Secrets:
    """Secrets of one vault.

    Args:
        cloud: where Azure is.
        vault: name.
        tell: told of waits.
        role_assigned: the operator has the role; then a refusal is one that passes.
    """

    def __init__(self, cloud: Cloud, vault: str, *, tell: Tell, role_assigned: bool) -> None:
        """See the class."""
        self._patience = cloud.patience(tell)
        self._forbidden = SecretRoleError if role_assigned else SecretForbiddenError
        url = f"https://{vault}.{cloud.vault_suffix}"
        self._client = SecretClient(url, cloud.credential, **cloud.options())

    def state(self, name: str, content: str | None = None) -> SecretState:
        """Whether it is there and, for a `content`, whether it is that.

        Raises:
            SecretForbiddenError: the vault does not let us look.
            AzureError: see its subclasses.
        """
        return self._call(f"look at the secret {name}", lambda: self._state(name, content))

    def ensure_token(self, name: str) -> bool:
        """Put a new random token there unless there is one; whether it did."""

        def attempt() -> bool:
            if self._state(name, None) is not SecretState.ABSENT:
                return False
            # made anew for each attempt: no value outlives its request
            self._put(name, secrets.token_urlsafe(_TOKEN_BYTES))
            return True

        return self._call(f"create the secret {name}", attempt)

    def ensure(self, name: str, content: str) -> bool:
        """Put `content` there unless it is there; whether it did."""

        def attempt() -> bool:
            if self._state(name, content) is SecretState.SAME:
                return False
            self._put(name, content)
            return True

        return self._call(f"write the secret {name}", attempt)

    def names(self) -> tuple[str, ...]:
        """Those of all secrets that are there and not deleted.

        Raises:
            SecretForbiddenError: the vault does not let us look.
            AzureError: see its subclasses.
        """

        def attempt() -> tuple[str, ...]:
            found = self._client.list_properties_of_secrets()
            return tuple(one.name for one in found if one.name)

        return self._call("list the secrets of the vault", attempt)

    def delete(self, name: str, *, purge: bool) -> bool:
        """Delete it, for good unless its vault forbids a `purge`; whether it was there."""

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
            # a vault's bad moment must not cost the bot its token: look twice
            if any(True for _ in self._client.list_properties_of_secret_versions(name)):
                msg = f"look at the secret {name}: it has versions, but cannot be read"
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
            # deleted less than the vault's retention ago: the name is not free
            self._client.begin_recover_deleted_secret(name).wait()
            self._client.set_secret(name, value, content_type="text/plain")

    def _call(self, doing: str, attempt: Callable[[], _ResultT]) -> _ResultT:
        def once() -> _ResultT:
            try:
                return attempt()
            except CAUGHT as error:
                raise self._judged(translated(error, doing)) from error

        return self._patience.retrying(once)

    def _judged(self, error: AzureError) -> AzureError:
        if not isinstance(error, ForbiddenError):
            return error
        return self._forbidden(error.message)
