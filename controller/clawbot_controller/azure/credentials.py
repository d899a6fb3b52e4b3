"""Credentials: a token cache, the operator's identity, and an SSH key that cannot be used."""

import base64
import binascii
import json
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from azure.core.credentials import AccessToken, TokenCredential
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clawbot_controller.azure.sdk_errors import SDK_ERRORS, translate
from clawbot_controller.model.resource import Principal

# a token with less time left is replaced
_SPARE_SECONDS: Final = 300
_SCOPE: Final = "https://management.azure.com/.default"
_JWT_PARTS: Final = 3
# RSA, because older API versions refuse ed25519
_KEY_BITS: Final = 3072


class CachedCredential:
    """A credential that requests each token once for all bots of a command.

    Otherwise the Azure CLI would be started for every token, dozens at a time for ten bots.
    """

    def __init__(
        self, credential: TokenCredential, *, now: Callable[[], float] = time.time
    ) -> None:
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
        """Return a token for these scopes.

        Raises:
            ClientAuthenticationError: there is none.
        """
        key = (scopes, tenant_id, *sorted(more.items()))
        with self._lock:
            found = self._tokens.get(key)
            # with claims, Azure has refused the cached token
            if claims is None and found and found.expires_on - self._now() > _SPARE_SECONDS:
                return found
            found = self._credential.get_token(*scopes, claims=claims, tenant_id=tenant_id, **more)
            self._tokens[key] = found
            return found


def signed_in_operator(credential: TokenCredential) -> Principal | None:
    """Return the operator's principal; None if the token is opaque.

    Raises:
        NoCredentialsError: there is no token.
    """
    try:
        token = credential.get_token(_SCOPE).token
    except SDK_ERRORS as error:
        raise translate(error, "sign in to Azure") from error
    claims = _claims(token)
    if not isinstance(claims.get("oid"), str):
        return None
    return Principal(claims["oid"], "ServicePrincipal" if claims.get("idtyp") == "app" else "User")


def unusable_public_key() -> str:
    """Return a new public key in OpenSSH format, which Azure requires for a Linux instance.

    The private key is discarded: there is no login.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS).public_key()
    return f"{key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()} unusable"


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != _JWT_PARTS:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}
