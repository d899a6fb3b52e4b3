"""Azure Resource Manager, as much of it as an instance may ask: the keys of a storage account.

Shape: Microsoft.Storage 2025-01-01, storageAccounts/listKeys; errors: ARM's common error format.

Knobs: ``script`` (statuses for the next requests that carry a valid token), ``forbidden_for``
(seconds of 403 AuthorizationFailed, counted from the first such request after it was set),
``retry_after`` (seconds, sent with a 429 or 5xx), ``down`` (connections are dropped). ``accounts``
is a mapping of account to its two keys; null deletes.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from tests.bench.azure import PRINCIPAL_ID, RESOURCE_GROUP, SUBSCRIPTION_ID, TENANT_ID
from tests.bench.azure.knobs import KnobError, Knobs
from tests.bench.azure.messages import DROP, Reply, Request, json_reply
from tests.bench.azure.tokens import Token, TokenBook

AUDIENCES: Final = ("https://management.azure.com", "https://management.core.windows.net")
_CREATED: Final = "2026-11-01T00:00:00.0000000Z"
_KEYS_OF_AN_ACCOUNT: Final = 2
_REASONS: Final = {
    429: ("TooManyRequests", "The request is being throttled."),
    500: ("InternalServerError", "The server encountered an internal error."),
    503: ("ServerUnavailable", "The service is temporarily unavailable."),
}


class Arm:
    """Answers at management.azure.com.

    Args:
        tokens: the issued tokens.
        clock: seconds since the epoch.
    """

    def __init__(self, tokens: TokenBook, clock: Callable[[], float] = time.time) -> None:
        self._tokens = tokens
        self._clock = clock
        self._lock = threading.Lock()
        self._accounts: dict[str, list[str]] = {}
        self._first_refused: float | None = None
        self.knobs = Knobs(script=[], forbidden_for=0.0, retry_after=1, down=False)

    def change(self, state: Mapping[str, object]) -> None:
        """Take a state change.

        Raises:
            KnobError: a bad knob, or ``accounts`` is not a mapping of names to two keys or null.
        """
        knobs = {name: value for name, value in state.items() if name != "accounts"}
        changed = _checked(state.get("accounts", {}))
        self.knobs.change(knobs)
        with self._lock:
            if "forbidden_for" in knobs:
                self._first_refused = None
            for name, keys in changed.items():
                if keys is None:
                    self._accounts.pop(name, None)
                else:
                    self._accounts[name] = keys

    def snapshot(self) -> dict[str, object]:
        """The knobs, and the names of the accounts."""
        with self._lock:
            return {**self.knobs.snapshot(), "accounts": sorted(self._accounts)}

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        if self.knobs["down"]:
            return DROP
        token = self._tokens.find(request.bearer() or "")
        if token is None or token.audience not in AUDIENCES:
            return _challenge(missing=request.bearer() is None)
        if status := self.knobs.next_status():
            if status == 403:
                return _forbidden(request, token)
            code, message = _REASONS.get(status, ("Error", "Scripted by the bench."))
            wait = (("Retry-After", str(self.knobs["retry_after"])),) if status in _REASONS else ()
            return _error(status, code, message, *wait)
        if self._still_forbidden():
            return _forbidden(request, token)
        return self._route(request)

    def _still_forbidden(self) -> bool:
        seconds = self.knobs["forbidden_for"]
        with self._lock:
            if self._first_refused is None:
                self._first_refused = self._clock()
            return bool(self._clock() < self._first_refused + seconds)

    def _route(self, request: Request) -> Reply:
        if request.parameter("api-version") is None:
            message = (
                "The api-version query parameter (?api-version=) is required for all requests."
            )
            return _error(400, "MissingApiVersionParameter", message)
        # resource ids are case-insensitive
        path = [step for step in request.path.lower().split("/") if step]
        prefix = [
            "subscriptions",
            SUBSCRIPTION_ID.lower(),
            "resourcegroups",
            RESOURCE_GROUP.lower(),
        ]
        match path:
            case ["subscriptions", _, "resourcegroups", group, *_] if path[:4] != prefix:
                message = f"Resource group '{group}' could not be found."
                return _error(404, "ResourceGroupNotFound", message)
            case [
                _,
                _,
                _,
                _,
                "providers",
                "microsoft.storage",
                "storageaccounts",
                name,
                "listkeys",
            ]:
                return self._keys(request, name)
        return _error(404, "InvalidResourceType", "The resource type could not be found.")

    def _keys(self, request: Request, name: str) -> Reply:
        if request.method != "POST":
            return _error(405, "MethodNotAllowed", "listKeys is a POST.")
        with self._lock:
            keys = self._accounts.get(name)
        if keys is None:
            message = (
                f"The Resource 'Microsoft.Storage/storageAccounts/{name}' under resource group "
                f"'{RESOURCE_GROUP}' was not found. For more details please go to "
                "https://aka.ms/ARMResourceNotFoundFix"
            )
            return _error(404, "ResourceNotFound", message)
        entries = [
            {
                "creationTime": _CREATED,
                "keyName": f"key{number}",
                "value": key,
                "permissions": "FULL",
            }
            for number, key in enumerate(keys, start=1)
        ]
        return json_reply(200, {"keys": entries})


def _checked(content: object) -> dict[str, list[str] | None]:
    if not isinstance(content, dict):
        message = "accounts: must be a mapping of name to two keys"
        raise KnobError(message)
    for name, keys in content.items():
        good = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
        if keys is not None and not (good and len(keys) == _KEYS_OF_AN_ACCOUNT):
            message = f"accounts.{name}: must be null or two keys"
            raise KnobError(message)
    return content


def _challenge(*, missing: bool) -> Reply:
    where = f'Bearer authorization_uri="https://login.windows.net/{TENANT_ID}"'
    code, message = (
        ("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        if missing
        else ("InvalidAuthenticationToken", "The access token is invalid.")
    )
    return _error(401, code, message, ("WWW-Authenticate", where))


def _forbidden(request: Request, token: Token) -> Reply:
    scope = request.path.rpartition("/")[0]
    message = (
        f"The client '{token.client_id}' with object id '{PRINCIPAL_ID}' does not have "
        "authorization to perform action 'Microsoft.Storage/storageAccounts/listKeys/action' over "
        f"scope '{scope}' or the scope is invalid. If access was recently granted, please refresh "
        "your credentials."
    )
    return _error(403, "AuthorizationFailed", message)


def _error(status: int, code: str, message: str, *headers: tuple[str, str]) -> Reply:
    return json_reply(status, {"error": {"code": code, "message": message}}, *headers)
