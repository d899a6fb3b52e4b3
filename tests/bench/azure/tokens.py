"""Access tokens: issued by the instance metadata service, judged by what they are shown to."""

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.bench.azure import TENANT_ID

# a token this close to its end is replaced, as the metadata service's own cache does
_RENEW_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Token:
    """One issued token.

    Args:
        value: a JSON web token, whose signature nobody can check.
        client_id: of the managed identity it was issued to, or of an operator's program.
        audience: the resource it is for, without a trailing slash.
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
        """Return a token for this identity and resource, the same one while it is fresh.

        Args:
            client_id: of the managed identity.
            resource: the audience asked for.
            lifetime: seconds, of a new token.
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
        """The token with this value, unless it was never issued, was revoked or has expired."""
        with self._lock:
            token = self._tokens.get(value)
        return token if token and token.expires > self._clock() else None

    def revoke_all(self) -> None:
        """Forget every token: whoever holds one is refused from now on."""
        with self._lock:
            self._tokens.clear()


def _signed(claims: dict[str, object]) -> str:
    """Claims in the form of a token; the signature is what makes it one of a kind."""
    header = {"typ": "JWT", "alg": "RS256", "kid": "bench"}
    parts = (_encoded(json.dumps(part).encode()) for part in (header, claims))
    return ".".join((*parts, secrets.token_urlsafe(48)))


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
