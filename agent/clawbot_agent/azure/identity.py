"""Tokens of the instance's managed identity: one attempt, with typed errors.

azure-identity retries by itself, silently and for up to 75 seconds; that is turned off here,
because the engine retries by class of error and reports why it waits.
"""

import json
import logging
from typing import TYPE_CHECKING, Any, Final

from clawbot_agent.azure.errors import (
    IdentityNotFoundError,
    ImdsRefusedError,
    ImdsUnavailableError,
)
from clawbot_agent.core.errors import ClawbotError

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions

__all__ = ["ONE_ATTEMPT", "InstanceCredential", "token_refused"]

# the total is not enough: azure-identity's own settings for IMDS would apply to the others
ONE_ATTEMPT: Final[dict[str, Any]] = {
    "retry_total": 0,
    "retry_connect": 0,
    "retry_read": 0,
    "retry_status": 0,
}
# the metadata service is on the same physical host: a slower answer is none
_CONNECT_SECONDS: Final = 2.0
_READ_SECONDS: Final = 10.0
_BAD_REQUEST: Final = 400
_TRANSIENT: Final = frozenset({404, 408, 410, 429})
_SERVER_ERROR: Final = 500
_SHOWN: Final = 200


class InstanceCredential:
    """A credential for the Azure SDKs: the user-assigned managed identity `client_id`.

    Args:
        client_id: of the identity; required, because an instance can have several.
        seconds: time limit of a request.
    """

    def __init__(self, client_id: str, *, seconds: float) -> None:
        from azure.identity import ManagedIdentityCredential  # noqa: PLC0415 - 200 ms for 'status'

        # its warnings repeat our errors, but bypass the redactor
        logging.getLogger("azure.identity").setLevel(logging.CRITICAL)
        self._client_id = client_id
        self._status = 0
        self._description = ""
        self._inner = ManagedIdentityCredential(
            client_id=client_id,
            raw_response_hook=self._record_answer,
            # no proxy can forward to a link-local address
            use_env_settings=False,
            connection_timeout=min(_CONNECT_SECONDS, seconds),
            read_timeout=min(_READ_SECONDS, seconds),
            **ONE_ATTEMPT,
        )

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()

    def get_token(self, *scopes: str, **options: Any) -> "AccessToken":  # noqa: ANN401 - the SDK's protocol
        """Return a token for `scopes`.

        Raises:
            ImdsUnavailableError: no answer, or a transient error.
            IdentityNotFoundError: the identity is not attached to the instance.
            ImdsRefusedError: any other refusal.
        """
        from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415 - see above

        self._status, self._description = 0, ""
        try:
            token: AccessToken = self._inner.get_token(*scopes, **options)
        except ClientAuthenticationError as error:
            raise self._translated() from error
        return token

    def get_token_info(
        self, *scopes: str, options: "TokenRequestOptions | None" = None
    ) -> "AccessTokenInfo":
        """Return a token as `get_token` does, in the SDK's newer form."""
        from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415 - see above

        self._status, self._description = 0, ""
        try:
            token: AccessTokenInfo = self._inner.get_token_info(*scopes, options=options)
        except ClientAuthenticationError as error:
            raise self._translated() from error
        return token

    def _record_answer(self, response: Any) -> None:  # noqa: ANN401 - the SDK does not export its type
        answer = response.http_response
        self._status = int(answer.status_code)
        if self._status >= _BAD_REQUEST:
            self._description = _description(answer.text())

    def _translated(self) -> ClawbotError:
        return token_refused(self._status, self._description, client_id=self._client_id)


def token_refused(status: int, description: str, *, client_id: str) -> ClawbotError:
    """Return the error for an answer of the token endpoint; status 0 is no answer."""
    if status == 0:
        return ImdsUnavailableError("the instance metadata service does not answer")
    answered = f"the instance metadata service answered {status}"
    if status in _TRANSIENT or status >= _SERVER_ERROR:
        return ImdsUnavailableError(f"{answered} to the request for a token")
    if status < _BAD_REQUEST:
        return ImdsUnavailableError(f"{answered} without a token")
    if "identity not found" in description.lower():
        return IdentityNotFoundError(f"the instance has no identity with client id {client_id}")
    return ImdsRefusedError(f"{answered}: {description or 'no reason given'}")


def _description(text: str) -> str:
    try:
        found = json.loads(text)["error_description"]
    except (ValueError, KeyError, TypeError):
        return ""
    return " ".join(str(found).split())[:_SHOWN]
