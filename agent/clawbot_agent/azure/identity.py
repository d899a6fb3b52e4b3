"""Tokens of the instance's managed identity: one attempt, and errors that say what to do.

azure-identity tries again by itself, silently and for up to 75 seconds; here that is
turned off, because the engine retries by class of error and tells why it waits.
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

# the total alone does not do: azure-identity's own settings for IMDS would win for the others
ONE_ATTEMPT: Final[dict[str, Any]] = {
    "retry_total": 0,
    "retry_connect": 0,
    "retry_read": 0,
    "retry_status": 0,
}
# the metadata service is on the same physical host: who is slower than this is not there
_CONNECT_SECONDS: Final = 2.0
_READ_SECONDS: Final = 10.0
_BAD_REQUEST: Final = 400
_PASSING: Final = frozenset({404, 408, 410, 429})
_SERVER_ERROR: Final = 500
_SHOWN: Final = 200


class InstanceCredential:
    """A credential for the Azure SDKs: the user-assigned managed identity `client_id`.

    Args:
        client_id: of the identity; always given, because an instance may carry several.
        seconds: that a request may take, at most.
    """

    def __init__(self, client_id: str, *, seconds: float) -> None:
        """See the class."""
        from azure.identity import ManagedIdentityCredential  # noqa: PLC0415 - 200 ms for 'status'

        # its warnings say the same as our errors, but past the redactor
        logging.getLogger("azure.identity").setLevel(logging.CRITICAL)
        self._client_id = client_id
        self._status = 0
        self._description = ""
        self._inner = ManagedIdentityCredential(
            client_id=client_id,
            raw_response_hook=self._take_note,
            # no proxy can forward to a link-local address
            use_env_settings=False,
            connection_timeout=min(_CONNECT_SECONDS, seconds),
            read_timeout=min(_READ_SECONDS, seconds),
            **ONE_ATTEMPT,
        )

    def close(self) -> None:
        """Close its connections."""
        self._inner.close()

    def get_token(self, *scopes: str, **options: Any) -> "AccessToken":  # noqa: ANN401 - the SDK's protocol
        """A token for `scopes`.

        Raises:
            ImdsUnavailableError: no answer, or one that passes.
            IdentityNotFoundError: the instance does not carry the identity.
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
        """As `get_token`, in the SDK's newer form."""
        from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415 - see above

        self._status, self._description = 0, ""
        try:
            token: AccessTokenInfo = self._inner.get_token_info(*scopes, options=options)
        except ClientAuthenticationError as error:
            raise self._translated() from error
        return token

    def _take_note(self, response: Any) -> None:  # noqa: ANN401 - the SDK does not export its type
        answer = response.http_response
        self._status = int(answer.status_code)
        if self._status >= _BAD_REQUEST:
            self._description = _description(answer.text())

    def _translated(self) -> ClawbotError:
        return token_refused(self._status, self._description, client_id=self._client_id)


def token_refused(status: int, description: str, *, client_id: str) -> ClawbotError:
    """The error for an answer of the token endpoint; status 0 means that there was none."""
    if status == 0:
        return ImdsUnavailableError("the instance metadata service does not answer")
    said = f"the instance metadata service answered {status}"
    if status in _PASSING or status >= _SERVER_ERROR:
        return ImdsUnavailableError(f"{said} to the request for a token")
    if status < _BAD_REQUEST:
        return ImdsUnavailableError(f"{said} without a token")
    if "identity not found" in description.lower():
        return IdentityNotFoundError(f"the instance has no identity with client id {client_id}")
    return ImdsRefusedError(f"{said}: {description or 'no reason given'}")


def _description(text: str) -> str:
    try:
        found = json.loads(text)["error_description"]
    except (ValueError, KeyError, TypeError):
        return ""
    return " ".join(str(found).split())[:_SHOWN]
