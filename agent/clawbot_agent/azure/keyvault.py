"""Reading secrets from Key Vault with the instance's managed identity.

One attempt for each call; the engine retries by class of error. No message contains a token
or a value: messages are made from status and reason code, never from the SDK's texts, which
quote requests.
"""

from collections.abc import Iterable
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from clawbot_agent.azure.errors import (
    KeyVaultFirewallError,
    KeyVaultForbiddenError,
    KeyVaultRefusedError,
    KeyVaultSecretDisabledError,
    KeyVaultSecretEmptyError,
    KeyVaultSecretNotFoundError,
    KeyVaultThrottledError,
    KeyVaultTlsError,
    KeyVaultUnauthorizedError,
    KeyVaultUnreachableError,
    no_answer,
)
from clawbot_agent.azure.identity import ONE_ATTEMPT, InstanceCredential
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import SYSTEM_CA_BUNDLE
from clawbot_agent.core.secret import Secret
from clawbot_agent.host.limit import Limit

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError
    from azure.keyvault.secrets import SecretClient

__all__ = ["ReadSecrets", "read_secrets", "refused", "unreachable"]

_CONNECT_SECONDS: Final = 5.0
_READ_SECONDS: Final = 15.0
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_THROTTLED: Final = 429
_SERVER_ERROR: Final = 500
# reason codes of a 403, from Key Vault's own error bodies
_BY_NETWORK: Final = frozenset({"ForbiddenByFirewall", "ForbiddenByConnection"})
_OF_THE_SECRET: Final = frozenset({"SecretDisabled", "SecretExpired", "SecretNotYetValid"})


class ReadSecrets(Protocol):
    """Reads the newest versions of secrets."""

    def __call__(
        self, vault_url: str, names: Iterable[str], *, client_id: str, limit: Limit
    ) -> dict[str, Secret]:
        """Return the value of each secret in `names`.

        Args:
            vault_url: https://NAME.vault.azure.net, no trailing slash.
            names: of the secrets.
            client_id: of the managed identity with access to them.
            limit: time limit of all requests.

        Raises:
            ClawbotError: the first failure, as one of the classes in `azure.errors`.
        """
        ...


def read_secrets(
    vault_url: str, names: Iterable[str], *, client_id: str, limit: Limit
) -> dict[str, Secret]:
    """`ReadSecrets` from the real Key Vault."""
    from azure.keyvault.secrets import SecretClient  # noqa: PLC0415 - 200 ms that 'status' must not pay

    limit.check()
    seconds = limit.remaining()
    with closing(InstanceCredential(client_id, seconds=seconds)) as credential:
        client = SecretClient(
            vault_url,
            credential,
            # the instance's certificate authorities, not the list inside a wheel
            connection_verify=str(SYSTEM_CA_BUNDLE),
            connection_timeout=min(_CONNECT_SECONDS, seconds),
            read_timeout=min(_READ_SECONDS, seconds),
            **ONE_ATTEMPT,
        )
        with client:
            return {name: _read(client, name, client_id=client_id, limit=limit) for name in names}


def _read(client: "SecretClient", name: str, *, client_id: str, limit: Limit) -> Secret:
    from azure.core.exceptions import AzureError, HttpResponseError  # noqa: PLC0415 - see above

    limit.check()
    host = urlsplit(client.vault_url).hostname or client.vault_url
    try:
        value = client.get_secret(name).value
    except HttpResponseError as error:
        found = error.status_code or 0
        raise refused(found, _reason(error), host=host, name=name, client_id=client_id) from error
    except AzureError as error:
        raise unreachable(error, host=host) from error
    except ValueError as error:
        # the SDK's error for a challenge that names another service
        msg = f"{host}: the server there is not the Key Vault of this name"
        raise KeyVaultRefusedError(msg) from error
    if not value or not value.strip():
        msg = f"{host}: the secret {name} is empty"
        raise KeyVaultSecretEmptyError(msg)
    return Secret(value)


def refused(status: int, reason: str, *, host: str, name: str, client_id: str) -> ClawbotError:
    """Return the error for an answer of Key Vault other than 200.

    Args:
        status: of HTTP.
        reason: the innermost error code of the body; empty when there is none.
        host: of the vault.
        name: of the secret.
        client_id: of the identity.
    """
    message = f"{host}: reading the secret {name} was answered {status} {reason}".rstrip()
    vault = host.partition(".")[0]
    if status == _FORBIDDEN:
        return _forbidden(message, reason, vault=vault, client_id=client_id)
    if status == _NOT_FOUND:
        how = f"az keyvault secret set --vault-name {vault} --name {name} --file FILE"
        return KeyVaultSecretNotFoundError(
            f"{host}: there is no secret {name}",
            hint=f"create it with '{how}', or correct its name under secrets",
        )
    if status == _UNAUTHORIZED:
        return KeyVaultUnauthorizedError(message)
    if status == _THROTTLED:
        return KeyVaultThrottledError(message)
    if status >= _SERVER_ERROR:
        return KeyVaultUnreachableError(message)
    return KeyVaultRefusedError(message)


def _forbidden(message: str, reason: str, *, vault: str, client_id: str) -> ClawbotError:
    if reason in _BY_NETWORK:
        return KeyVaultFirewallError(message)
    if reason in _OF_THE_SECRET:
        return KeyVaultSecretDisabledError(message)
    return KeyVaultForbiddenError(
        message,
        hint=(
            f"assign the role 'Key Vault Secrets User' on the vault {vault} to the identity with "
            f"client id {client_id}; a new assignment takes up to 10 min to take effect"
        ),
    )


def unreachable(error: "AzureError", *, host: str) -> ClawbotError:
    """Return the error for a call without an answer."""
    found = no_answer(error)
    kind = KeyVaultTlsError if found.tls else KeyVaultUnreachableError
    return kind(f"{host}: {found.why}")


def _reason(error: Any) -> str:  # noqa: ANN401 - the SDK types its error bodies as Any
    body = getattr(error, "error", None)
    inner = getattr(body, "innererror", None)
    if isinstance(inner, dict) and isinstance(inner.get("code"), str):
        return str(inner["code"])
    code = getattr(body, "code", None)
    return code if isinstance(code, str) else ""
