"""Access tokens: issued by the instance metadata service, judged by what they are shown to."""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

# a token this close to its end is replaced, as the metadata service's own cache does
_RENEW_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Token:
    """One issued token.

    Args:
        value: opaque.
        client_id: of the managed identity it was issued to.
        audience: the resource it is for, without a trailing slash.
        issued: seconds since the epoch.
        expires: seconds since the epoch.
    """

    value: str
    client_id: str
    audience: str
    issued: int
    expires: int


class TokenBook:
    """Every token issued so far.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[str, Token] = {}

    def issue(self, *, client_id: str, resource: str, lifetime: float) -> Token:
        """Return a token for this identity and resource, the same one while it is fresh.

        Args:
            client_id: of the managed identity.
            resource: the audience asked for.
            lifetime: seconds, of a new token.
        """
        now, audience = int(self._clock()), resource.rstrip("/")
        with self._lock:
            for token in self._tokens.values():
                same = (token.client_id, token.audience) == (client_id, audience)
                if same and token.expires - now > min(_RENEW_SECONDS, lifetime / 2):
                    return token
            token = Token(
                value=f"bench.{secrets.token_urlsafe(48)}",
                client_id=client_id,
                audience=audience,
                issued=now,
                expires=now + int(lifetime),
            )
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
