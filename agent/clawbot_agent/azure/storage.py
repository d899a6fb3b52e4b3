"""A storage account's key, from Azure Resource Manager with the instance's managed identity.

One attempt; the engine retries by class of error. No message contains a token or a key:
messages are made from status and error code.
"""

from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import quote, urlsplit

from clawbot_agent.azure.errors import (
    ArmRefusedError,
    ArmThrottledError,
    ArmTlsError,
    ArmUnauthorizedError,
    ArmUnreachableError,
    StorageAccountNotFoundError,
    StorageKeysForbiddenError,
    no_answer,
)
from clawbot_agent.azure.identity import InstanceCredential
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import SYSTEM_CA_BUNDLE
from clawbot_agent.core.secret import Secret
from clawbot_agent.host.limit import Limit

__all__ = ["Account", "ReadKey", "read_key", "refused"]

_API_VERSION: Final = "2025-01-01"
# by the DNS suffix of Azure Files; the clouds' own lists: `az cloud list`
_ENDPOINTS: Final = {
    "file.core.windows.net": "https://management.azure.com",
    "file.core.chinacloudapi.cn": "https://management.chinacloudapi.cn",
    "file.core.usgovcloudapi.net": "https://management.usgovcloudapi.net",
}
_CONNECT_SECONDS: Final = 5.0
_READ_SECONDS: Final = 20.0
_OK: Final = 200
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_THROTTLED: Final = 429
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class Account:
    """A storage account; `suffix` is the DNS suffix of its Azure Files."""

    name: str
    suffix: str
    subscription: str
    resource_group: str

    @property
    def resource_id(self) -> str:
        """The account's path in Azure Resource Manager."""
        return (
            f"/subscriptions/{quote(self.subscription)}/resourceGroups/{quote(self.resource_group)}"
            f"/providers/Microsoft.Storage/storageAccounts/{quote(self.name)}"
        )


class ReadKey(Protocol):
    """Reads a key of a storage account."""

    def __call__(self, account: Account, *, client_id: str, limit: Limit) -> Secret:
        """Return the first key with full permissions.

        Args:
            account: its storage account.
            client_id: of the managed identity with the right to list keys.
            limit: time limit of all requests.

        Raises:
            ClawbotError: as one of the classes in `azure.errors`.
        """
        ...


def read_key(account: Account, *, client_id: str, limit: Limit) -> Secret:
    """`ReadKey` from the real Azure Resource Manager."""
    from azure.core import PipelineClient  # noqa: PLC0415 - 200 ms that 'status' must not pay
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - same
    from azure.core.pipeline.policies import BearerTokenCredentialPolicy  # noqa: PLC0415 - same
    from azure.core.rest import HttpRequest  # noqa: PLC0415 - same

    limit.check()
    seconds = limit.remaining()
    endpoint = _ENDPOINTS[account.suffix]
    url = f"{endpoint}{account.resource_id}/listKeys?api-version={_API_VERSION}"
    with closing(InstanceCredential(client_id, seconds=seconds)) as credential:
        client: PipelineClient[Any, Any] = PipelineClient(
            endpoint,
            # no retry policy: the engine retries by class of error
            policies=[BearerTokenCredentialPolicy(credential, f"{endpoint}/.default")],
            connection_verify=str(SYSTEM_CA_BUNDLE),
            connection_timeout=min(_CONNECT_SECONDS, seconds),
            read_timeout=min(_READ_SECONDS, seconds),
        )
        try:
            with client:
                response = client.send_request(HttpRequest("POST", url))
                status, document = int(response.status_code), _document(response)
        except AzureError as error:
            found = no_answer(error)
            kind = ArmTlsError if found.tls else ArmUnreachableError
            msg = f"{urlsplit(endpoint).hostname}: {found.why}"
            raise kind(msg) from error
    if status != _OK:
        raise refused(status, _code(document), account=account, client_id=client_id)
    return _key(document, account=account)


def refused(status: int, code: str, *, account: Account, client_id: str) -> ClawbotError:
    """Return the error for an answer other than 200; `code` is ARM's error code, or empty."""
    message = (
        f"listing the keys of the storage account {account.name} was answered {status} {code}"
    ).rstrip()
    if status == _FORBIDDEN:
        return StorageKeysForbiddenError(
            message,
            hint=(
                f"assign the role 'Reader and Data Access' on the storage account {account.name} "
                f"to the identity with client id {client_id}; a new assignment takes up to 10 min "
                "to take effect"
            ),
        )
    if status == _NOT_FOUND:
        where = f"resource group {account.resource_group}, subscription {account.subscription}"
        return StorageAccountNotFoundError(f"no storage account {account.name} in {where}")
    if status == _UNAUTHORIZED:
        return ArmUnauthorizedError(message)
    if status == _THROTTLED:
        return ArmThrottledError(message)
    return ArmUnreachableError(message) if status >= _SERVER_ERROR else ArmRefusedError(message)


def _document(response: Any) -> dict[str, Any]:  # noqa: ANN401 - the SDK's own type is not public
    try:
        found = response.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _code(document: dict[str, Any]) -> str:
    error = document.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) else ""


def _key(document: dict[str, Any], *, account: Account) -> Secret:
    keys = document.get("keys")
    for key in keys if isinstance(keys, list) else []:
        if str(key.get("permissions")).lower() == "full" and key.get("value"):
            return Secret(str(key["value"]))
    msg = f"the storage account {account.name} has no key with full permissions"
    raise ArmRefusedError(msg)
