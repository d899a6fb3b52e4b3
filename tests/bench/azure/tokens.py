"""Access tokens: issued by the instance metadata service, checked by the other services."""

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.bench.azure import TENANT_ID

# a token this close to its expiry is replaced, as in the metadata service's cache
_RENEW_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Token:
    """One issued token.

    Args:
        value: a JSON web token with a meaningless signature.
        client_id: of the managed identity or of the operator's program.
        audience: the resource, without a trailing slash.
        issued: seconds since the epoch.
        expires: seconds since the epoch.
        object_id: of the identity or the operator in the directory.
    """

    value: str
    client_id: str
    audience: str
    issued: int
    expires: int
    object_id: str = ""


class TokenBook:
    """Every token issued so far.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[str, Token] = {}

    def issue(
        self, *, client_id: str, resource: str, lifetime: float, object_id: str = ""
    ) -> Token:
        """Return a token for this identity and resource; reuse one until shortly before it expires.

        Args:
            client_id: of the managed identity.
            resource: the requested audience.
            lifetime: of a new token, in seconds.
            object_id: of the identity in the directory.
        """
        now, audience = int(self._clock()), resource.rstrip("/")
        with self._lock:
            for token in self._tokens.values():
                same = (token.client_id, token.audience) == (client_id, audience)
                if same and token.expires - now > min(_RENEW_SECONDS, lifetime / 2):
                    return token
            expires = now + int(lifetime)
            claims = {
                "aud": audience,
                "iss": f"https://sts.windows.net/{TENANT_ID}/",
                "iat": now,
                "nbf": now,
                "exp": expires,
                "appid": client_id,
                "oid": object_id,
                "sub": object_id,
                "tid": TENANT_ID,
            }
            token = Token(_signed(claims), client_id, audience, now, expires, object_id)
            self._tokens[token.value] = token
            return token

    def find(self, value: str) -> Token | None:
        """Return the token with this value; None if unknown, revoked or expired."""
        with self._lock:
            token = self._tokens.get(value)
        return token if token and token.expires > self._clock() else None

    def revoke_all(self) -> None:
        """Revoke every token."""
        with self._lock:
            self._tokens.clear()


def _signed(claims: dict[str, object]) -> str:
    """Return claims as a token; a random signature makes it unique."""
    header = {"typ": "JWT", "alg": "RS256", "kid": "bench"}
    parts = (_encoded(json.dumps(part).encode()) for part in (header, claims))
    return ".".join((*parts, secrets.token_urlsafe(48)))


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
