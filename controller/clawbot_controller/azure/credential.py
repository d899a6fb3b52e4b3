"""One credential for all bots of a command, asked once for each token."""

import threading
import time
from collections.abc import Callable
from typing import Any, Final

from azure.core.credentials import AccessToken, TokenCredential

__all__ = ["Cached"]

# a token that ends within these is not one to begin with
_SPARE_SECONDS: Final = 300


class Cached:
    """A credential that keeps its tokens until some minutes before their end.

    The Azure CLI is started anew for every token; ten bots would start dozens at once.

    Args:
        credential: the one to ask.
        now: seconds since the epoch.
    """

    def __init__(
        self, credential: TokenCredential, *, now: Callable[[], float] = time.time
    ) -> None:
        """See the class."""
        self._credential = credential
        self._now = now
        self._lock = threading.Lock()
        self._tokens: dict[tuple[object, ...], AccessToken] = {}

    def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        **more: Any,  # noqa: ANN401 - azure-core's protocol
    ) -> AccessToken:
        """A token for these scopes.

        Raises:
            ClientAuthenticationError: there is none.
        """
        key = (scopes, tenant_id, *sorted(more.items()))
        with self._lock:
            found = self._tokens.get(key)
            # claims are what Azure wants beyond the token that it was shown
            if claims is None and found and found.expires_on - self._now() > _SPARE_SECONDS:
                return found
            found = self._credential.get_token(*scopes, claims=claims, tenant_id=tenant_id, **more)
            self._tokens[key] = found
            return found
