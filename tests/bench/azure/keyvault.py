"""Key vaults: secrets that managed identities read and operators write.

Shape and errors: Key Vault's REST reference (secrets), and what azure-keyvault-secrets 4.12
sends and expects: that client's first request has no token and expects the challenge.

In the vault named `VAULT` every identity has every permission; in vaults created through ARM, role
assignments decide.

Knobs: ``script`` (statuses for the next requests that carry a valid token), ``forbidden_for``
(seconds of 403 ForbiddenByRbac, counted from the first such request after it was set),
``retry_after`` (seconds, sent with a 429), ``down`` (connections are dropped). ``secrets`` is a
mapping of name to value: a new value adds a version, null deletes the secret.
"""

import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from tests.bench.azure import LOCATION, RESOURCE_GROUP, SUBSCRIPTION_ID, TENANT_ID, VAULT
from tests.bench.azure.knobs import KnobError, Knobs
from tests.bench.azure.messages import DROP, Reply, Request, json_reply
from tests.bench.azure.secret_store import SecretStore
from tests.bench.azure.tokens import Token, TokenBook
from tests.bench.azure.vault_secrets import (
    HOST,
    NAME,
    answer_deleted,
    answer_secrets,
    vault_error,
)

AUDIENCE: Final = "https://vault.azure.net"
_VERSION: Final = re.compile(r"7\.\d(-preview\.\d)?|20\d\d-\d\d-\d\d(-preview)?|2016-10-01")
_REASONS: Final = {
    429: ("Throttled", "Request was not processed because too many requests were received."),
    500: ("InternalServerError", "An internal error occurred."),
    503: ("ServiceUnavailable", "The service is temporarily unavailable."),
}


# the roles' actions on /secrets and /deletedsecrets, by method
_ACTIONS: Final = {
    ("secrets", "GET"): "getSecret/action",
    ("secrets", "PUT"): "setSecret/action",
    ("secrets", "DELETE"): "delete",
    ("deletedsecrets", "GET"): "readMetadata/action",
    ("deletedsecrets", "POST"): "recover/action",
    ("deletedsecrets", "DELETE"): "purge/action",
}


class ManagedVaults(Protocol):
    """What ARM knows about vaults."""

    def secrets_of(self, vault: str) -> SecretStore | None:
        """Return the secrets of a vault that was created there."""

    def allowed(self, vault: str, token: Token, action: str, name: str) -> bool:
        """Return whether a caller may perform an action on a secret of such a vault."""


class KeyVault:
    """Serves all vaults.

    Args:
        tokens: the issued tokens.
        clock: seconds since the epoch.
        managed: the vaults created through ARM, if any.
    """

    def __init__(
        self,
        tokens: TokenBook,
        clock: Callable[[], float] = time.time,
        managed: ManagedVaults | None = None,
    ) -> None:
        self._tokens = tokens
        self._clock = clock
        self._managed = managed
        self._lock = threading.Lock()
        self._seeded = SecretStore(VAULT, clock)
        self._first_refused: float | None = None
        self.knobs = Knobs(script=[], forbidden_for=0.0, retry_after=1, down=False)

    def change(self, state: Mapping[str, object]) -> None:
        """Apply a state change.

        Raises:
            KnobError: a bad knob, or ``secrets`` is not a mapping of valid names to text or null.
        """
        knobs = {name: value for name, value in state.items() if name != "secrets"}
        changed = _checked(state.get("secrets", {}))
        self.knobs.change(knobs)
        with self._lock:
            if "forbidden_for" in knobs:
                self._first_refused = None
            for name, value in changed.items():
                self._seeded.seed(name, value)

    def snapshot(self) -> dict[str, object]:
        """Return the knobs and each secret's versions, oldest first."""
        names = {
            name: [version.identifier for version in self._seeded.versions(name)]
            for name in self._seeded.names()
        }
        return {**self.knobs.snapshot(), "secrets": names}

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        store = self._store(request)
        if self.knobs["down"] or store is None:
            return DROP
        reply = self._judge(request, store)
        common = (
            ("Cache-Control", "no-cache"),
            ("Pragma", "no-cache"),
            ("Strict-Transport-Security", "max-age=31536000;includeSubDomains"),
            ("X-Content-Type-Options", "nosniff"),
            ("x-ms-keyvault-region", LOCATION),
            ("x-ms-request-id", secrets.token_hex(16)),
        )
        return Reply(reply.status, (*reply.headers, *common), reply.body)

    def _judge(self, request: Request, store: SecretStore) -> Reply:
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
        return self._read(request, store, token)

    def _scripted(self, status: int, request: Request, token: Token) -> Reply:
        if status == 403:
            return _forbidden(request, token)
        code, message = _REASONS.get(status, ("Error", "Scripted by the bench."))
        wait = (("Retry-After", str(self.knobs["retry_after"])),) if status in _REASONS else ()
        return vault_error(status, code, message, *wait)

    def _still_forbidden(self) -> bool:
        seconds = self.knobs["forbidden_for"]
        with self._lock:
            if self._first_refused is None:
                self._first_refused = self._clock()
            return bool(self._clock() < self._first_refused + seconds)

    def _store(self, request: Request) -> SecretStore | None:
        """Return the secrets of the requested vault; None if its name would not resolve."""
        name = request.host.removesuffix(HOST)
        made = self._managed.secrets_of(name) if self._managed else None
        return made or (self._seeded if name == VAULT else None)

    def _read(self, request: Request, store: SecretStore, token: Token) -> Reply:
        version = request.parameter("api-version")
        if version is None:
            return vault_error(400, "BadParameter", "api-version must be specified")
        if not _VERSION.fullmatch(version):
            return vault_error(
                400, "BadParameter", f"The specified version ({version}) is unknown."
            )
        steps = [step for step in request.path.split("/") if step]
        what, name = (*steps, "", "")[:2]
        action = _ACTIONS.get((what, request.method))
        if action is None:
            return vault_error(404, "NotFound", "Resource not found")
        if what == "secrets" and request.method == "GET" and steps[2:] in ([], ["versions"]):
            # a list contains no values
            action = action if name and not steps[2:] else "readMetadata/action"
        if store is not self._seeded and not self._may(store, token, action, name):
            return _forbidden(request, token, vault=store.vault, action=action)
        if what == "secrets":
            return answer_secrets(request, store, steps[1:])
        return answer_deleted(request, store, steps[1:])

    def _may(self, store: SecretStore, token: Token, action: str, name: str) -> bool:
        whole = f"Microsoft.KeyVault/vaults/secrets/{action}"
        return self._managed is not None and self._managed.allowed(
            store.vault.lower(), token, whole, name
        )


def _checked(content: object) -> dict[str, str | None]:
    if not isinstance(content, dict):
        message = "secrets: must be a mapping of name to value"
        raise KnobError(message)
    for name, value in content.items():
        if not NAME.fullmatch(name):
            message = f"secrets: {name!r} is not a valid secret name"
            raise KnobError(message)
        if not isinstance(value, str | None):
            message = f"secrets.{name}: must be text or null"
            raise KnobError(message)
    return content


def _challenge(message: str) -> Reply:
    challenge = (
        f'Bearer authorization="https://login.microsoftonline.com/{TENANT_ID}", '
        f'resource="{AUDIENCE}"'
    )
    return vault_error(401, "Unauthorized", message, ("WWW-Authenticate", challenge))


def _forbidden(
    request: Request, token: Token, *, vault: str = VAULT, action: str = "getSecret/action"
) -> Reply:
    name = request.path.removeprefix("/secrets/").strip("/").partition("/")[0]
    message = (
        "Caller is not authorized to perform action on resource.\r\n"
        "If role assignments, deny assignments or role definitions were changed recently, "
        "please observe propagation time.\r\n"
        f"Caller: appid={token.client_id};iss=https://sts.windows.net/{TENANT_ID}/\r\n"
        f"Action: 'Microsoft.KeyVault/vaults/secrets/{action}'\r\n"
        f"Resource: '/subscriptions/{SUBSCRIPTION_ID}/resourcegroups/{RESOURCE_GROUP}"
        f"/providers/microsoft.keyvault/vaults/{vault}/secrets/{name}'\r\n"
        "Assignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: null\r\n"
        f"Vault: {vault};location={LOCATION}\r\n"
    )
    inner = {"code": "ForbiddenByRbac"}
    content = {"error": {"code": "Forbidden", "message": message, "innererror": inner}}
    return json_reply(403, content)
