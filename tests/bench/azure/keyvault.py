"""A key vault: the secrets a managed identity may read.

Shape and errors: Key Vault's REST reference (Get Secret), and what azure-keyvault-secrets 4.12
sends and expects: the first request of that client carries no token and wants the challenge.

Knobs: ``script`` (statuses for the next requests that carry a valid token), ``forbidden_for``
(seconds of 403 ForbiddenByRbac, counted from the first such request after it was set),
``retry_after`` (seconds, sent with a 429), ``down`` (connections are dropped). ``secrets`` is a
mapping of name to value: a new value becomes a new version, null deletes.
"""

import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.bench.azure import LOCATION, RESOURCE_GROUP, SUBSCRIPTION_ID, TENANT_ID, VAULT
from tests.bench.azure.knobs import KnobError, Knobs
from tests.bench.azure.messages import DROP, Reply, Request, json_reply
from tests.bench.azure.tokens import Token, TokenBook

AUDIENCE: Final = "https://vault.azure.net"
_VERSION: Final = re.compile(r"7\.\d(-preview\.\d)?|20\d\d-\d\d-\d\d(-preview)?|2016-10-01")
_NAME: Final = re.compile(r"[0-9a-zA-Z-]{1,127}")
_REASONS: Final = {
    429: ("Throttled", "Request was not processed because too many requests were received."),
    500: ("InternalServerError", "An internal error occurred."),
    503: ("ServiceUnavailable", "The service is temporarily unavailable."),
}


@dataclass(frozen=True, slots=True)
class _SecretVersion:
    identifier: str
    value: str = field(repr=False)
    created: int


class KeyVault:
    """Answers as the vault named `VAULT`.

    Args:
        tokens: the issued tokens.
        clock: seconds since the epoch.
    """

    def __init__(self, tokens: TokenBook, clock: Callable[[], float] = time.time) -> None:
        self._tokens = tokens
        self._clock = clock
        self._lock = threading.Lock()
        # names are case-insensitive: by lower-case name, the versions, oldest first
        self._secrets: dict[str, list[_SecretVersion]] = {}
        self._first_refused: float | None = None
        self.knobs = Knobs(script=[], forbidden_for=0.0, retry_after=1, down=False)

    def change(self, state: Mapping[str, object]) -> None:
        """Take a state change.

        Raises:
            KnobError: a bad knob, or ``secrets`` is not a mapping of good names to text or null.
        """
        knobs = {name: value for name, value in state.items() if name != "secrets"}
        changed = _checked(state.get("secrets", {}))
        self.knobs.change(knobs)
        with self._lock:
            if "forbidden_for" in knobs:
                self._first_refused = None
            for name, value in changed.items():
                self._store(name.lower(), value)

    def snapshot(self) -> dict[str, object]:
        """The knobs, and each secret's versions, oldest first."""
        with self._lock:
            names = {
                name: [version.identifier for version in versions]
                for name, versions in self._secrets.items()
            }
        return {**self.knobs.snapshot(), "secrets": names}

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        if self.knobs["down"]:
            return DROP
        reply = self._judge(request)
        common = (
            ("Cache-Control", "no-cache"),
            ("Pragma", "no-cache"),
            ("Strict-Transport-Security", "max-age=31536000;includeSubDomains"),
            ("X-Content-Type-Options", "nosniff"),
            ("x-ms-keyvault-region", LOCATION),
            ("x-ms-request-id", secrets.token_hex(16)),
        )
        return Reply(reply.status, (*reply.headers, *common), reply.body)

    def _judge(self, request: Request) -> Reply:
        value = request.bearer()
        if value is None:
            return _challenge("AKV10000: Request is missing a Bearer or PoP token.")
        token = self._tokens.find(value)
        if token is None:
            return _challenge("[TokenExpired] Error validating token: it is unknown or expired.")
        if token.audience != AUDIENCE:
            reason = f"AKV10022: Invalid audience. Expected {AUDIENCE}, found: {token.audience}."
            return _challenge(reason)
        if status := self.knobs.next_status():
            return self._scripted(status, request, token)
        if self._still_forbidden():
            return _forbidden(request, token)
        return self._read(request)

    def _scripted(self, status: int, request: Request, token: Token) -> Reply:
        if status == 403:
            return _forbidden(request, token)
        code, message = _REASONS.get(status, ("Error", "Scripted by the bench."))
        wait = (("Retry-After", str(self.knobs["retry_after"])),) if status in _REASONS else ()
        return _error(status, code, message, *wait)

    def _still_forbidden(self) -> bool:
        seconds = self.knobs["forbidden_for"]
        with self._lock:
            if self._first_refused is None:
                self._first_refused = self._clock()
            return bool(self._clock() < self._first_refused + seconds)

    def _read(self, request: Request) -> Reply:
        version = request.parameter("api-version")
        if version is None:
            return _error(400, "BadParameter", "api-version must be specified")
        if not _VERSION.fullmatch(version):
            return _error(400, "BadParameter", f"The specified version ({version}) is unknown.")
        match [step for step in request.path.split("/") if step]:
            case ["secrets", name]:
                return self._secret(request, name, None)
            case ["secrets", name, identifier]:
                return self._secret(request, name, identifier)
        return _error(404, "NotFound", "Resource not found")

    def _secret(self, request: Request, name: str, identifier: str | None) -> Reply:
        if request.method != "GET":
            return _error(405, "MethodNotAllowed", "The bench's vault can only be read.")
        with self._lock:
            versions = list(self._secrets.get(name.lower(), ()))
        found = [item for item in versions if identifier in (None, item.identifier)]
        if not found:
            message = (
                f"A secret with (name/id) {name}{f'/{identifier}' if identifier else ''} was not "
                "found in this key vault. If you recently deleted this secret you may be able to "
                "recover it using the correct recovery command. For help resolving this issue, "
                "please see https://go.microsoft.com/fwlink/?linkid=2125182"
            )
            return _error(404, "SecretNotFound", message)
        return _shown(name, found[-1])

    def _store(self, name: str, value: str | None) -> None:
        if value is None:
            self._secrets.pop(name, None)
            return
        versions = self._secrets.setdefault(name, [])
        if not versions or versions[-1].value != value:
            created = int(self._clock())
            versions.append(_SecretVersion(secrets.token_hex(16), value, created))


def _checked(content: object) -> dict[str, str | None]:
    if not isinstance(content, dict):
        message = "secrets: must be a mapping of name to value"
        raise KnobError(message)
    for name, value in content.items():
        if not _NAME.fullmatch(name):
            message = f"secrets: {name!r} is not a secret's name"
            raise KnobError(message)
        if not isinstance(value, str | None):
            message = f"secrets.{name}: must be text or null"
            raise KnobError(message)
    return content


def _shown(name: str, version: _SecretVersion) -> Reply:
    content = {
        "value": version.value,
        "contentType": "",
        "id": f"https://{VAULT}.vault.azure.net/secrets/{name}/{version.identifier}",
        "attributes": {
            "enabled": True,
            "created": version.created,
            "updated": version.created,
            "recoveryLevel": "Recoverable+Purgeable",
            "recoverableDays": 7,
        },
        "tags": {},
    }
    return json_reply(200, content)


def _challenge(message: str) -> Reply:
    challenge = (
        f'Bearer authorization="https://login.microsoftonline.com/{TENANT_ID}", '
        f'resource="{AUDIENCE}"'
    )
    return _error(401, "Unauthorized", message, ("WWW-Authenticate", challenge))


def _forbidden(request: Request, token: Token) -> Reply:
    name = request.path.removeprefix("/secrets/").strip("/").partition("/")[0]
    message = (
        "Caller is not authorized to perform action on resource.\r\n"
        "If role assignments, deny assignments or role definitions were changed recently, "
        "please observe propagation time.\r\n"
        f"Caller: appid={token.client_id};iss=https://sts.windows.net/{TENANT_ID}/\r\n"
        "Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\n"
        f"Resource: '/subscriptions/{SUBSCRIPTION_ID}/resourcegroups/{RESOURCE_GROUP}"
        f"/providers/microsoft.keyvault/vaults/{VAULT}/secrets/{name}'\r\n"
        "Assignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: null\r\n"
        f"Vault: {VAULT};location={LOCATION}\r\n"
    )
    inner = {"code": "ForbiddenByRbac"}
    content = {"error": {"code": "Forbidden", "message": message, "innererror": inner}}
    return json_reply(403, content)


def _error(status: int, code: str, message: str, *headers: tuple[str, str]) -> Reply:
    return json_reply(status, {"error": {"code": code, "message": message}}, *headers)
