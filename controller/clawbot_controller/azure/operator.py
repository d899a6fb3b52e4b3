"""Who the operator is, as Azure's own token says."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, Final

from azure.core.credentials import TokenCredential

from clawbot_controller.azure.failures import CAUGHT, translated

__all__ = ["Operator", "operator"]

_SCOPE: Final = "https://management.azure.com/.default"
_JWT_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class Operator:
    """The one who runs the controller.

    Attributes:
        object_id: in the directory.
        kind: principal type of a role assignment.
    """

    object_id: str
    kind: str


def operator(credential: TokenCredential) -> Operator | None:
    """The operator; None when the token does not tell (it need not be one that can be read).

    Raises:
        NoCredentialsError: there is no token.
    """
    try:
        token = credential.get_token(_SCOPE).token
    except CAUGHT as error:
        raise translated(error, "sign in to Azure") from error
    claims = _claims(token)
    if not isinstance(claims.get("oid"), str):
        return None
    return Operator(claims["oid"], "ServicePrincipal" if claims.get("idtyp") == "app" else "User")


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != _JWT_PARTS:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}
