"""From what the SDK raises to an error that says what to do."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from azure.core.exceptions import (
    AzureError as SdkError,
)
from azure.core.exceptions import (
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
)

from clawbot_controller.azure import errors

if TYPE_CHECKING:
    from azure.core.rest import HttpResponse

__all__ = ["CAUGHT", "translated"]

# the SDK lets json's own error through where it parses by itself
CAUGHT: Final = (SdkError, json.JSONDecodeError)

_BY_CODE: Final[Mapping[str, type[errors.AzureError]]] = {
    code.lower(): cls
    for cls, codes in {
        errors.SubscriptionUnknownError: ("SubscriptionNotFound", "InvalidSubscriptionId"),
        errors.ProviderMissingError: ("MissingSubscriptionRegistration",),
        errors.PrincipalUnknownError: ("PrincipalNotFound",),
        errors.NameTakenError: (
            *("StorageAccountAlreadyTaken", "VaultAlreadyExists", "VaultNameNotValid"),
            # a deleted vault of another group has the name
            *("DnsRecordInUse", "DomainNameLabelInUse", "ConflictError"),
        ),
        errors.AccountElsewhereError: ("StorageAccountInAnotherResourceGroup",),
        errors.LockedError: ("ScopeLocked",),
        errors.PolicyError: ("RequestDisallowedByPolicy",),
        errors.SubscriptionDisabledError: ("ReadOnlyDisabledSubscription",),
        errors.VaultClosedError: ("ForbiddenByFirewall", "ForbiddenByConnection"),
        errors.VaultPolicyError: ("ForbiddenByPolicy",),
        errors.QuotaError: (
            *("QuotaExceeded", "ResourceQuotaExceeded", "SubscriptionQuotaExceeded"),
            *("PublicIPCountLimitReached", "MaxStorageAccountsCountPerSubscriptionExceeded"),
        ),
        errors.SizeNotOfferedError: ("SkuNotAvailable", "InvalidVmSize", "VMSizeNotSupported"),
        errors.NotChangeableError: ("PropertyChangeNotAllowed", "InvalidResourceLocation"),
        errors.RequestRefusedError: ("OperationNotAllowed",),
        errors.AzureBusyError: ("AnotherOperationInProgress", "ReferencedResourceNotProvisioned"),
        errors.AzureUnreachableError: (
            *("InternalServerError", "InternalExecutionError", "InternalOperationError"),
            *("RetryableError", "NetworkingInternalOperationError", "ServerTimeout"),
        ),
    }.items()
    for code in codes
}
_BY_STATUS: Final[Mapping[int, type[errors.AzureError]]] = {
    400: errors.RequestRefusedError,
    401: errors.TokenRefusedError,
    403: errors.ForbiddenError,
    404: errors.ParentMissingError,
    408: errors.AzureUnreachableError,
    409: errors.AzureBusyError,
    412: errors.ChangedMeanwhileError,
    429: errors.AzureThrottledError,
}
_SERVER_ERRORS: Final = 500
# begins the code of every refusal to sign in
_SIGN_IN: Final = "AADSTS"
# OpenSSL's words, whatever library they come through
_UNTRUSTED: Final = "CERTIFICATE_VERIFY_FAILED"
# of a quota too, which only the message tells then
_MANY_MEANINGS: Final = "OperationNotAllowed"
_OK: Final = 300
_LONGEST: Final = 400


def translated(error: Exception, doing: str) -> errors.AzureError:
    """What happened while `doing` ("create virtual network clawbot-vnet")."""
    if isinstance(error, ClientAuthenticationError) and _is_sign_in(error):
        return errors.NoCredentialsError(f"{doing}: {_line(_reason(error))}")
    if isinstance(error, HttpResponseError) and error.response is not None:
        return _answered(error, doing)
    cls = errors.AzureTlsError if _UNTRUSTED in str(error) else errors.AzureUnreachableError
    return cls(f"{doing}: {_line(str(error)) or type(error).__name__}")


def _answered(error: HttpResponseError, doing: str) -> errors.AzureError:
    # the SDK's clients only ever have this one
    response = cast("HttpResponse", error.response)
    code, message, inner = _said(response, error.message)
    status = response.status_code
    # a vault says Forbidden, and why inside
    judged = inner if inner.lower() in _BY_CODE else code
    cls = _class(status, judged, message, unreadable=isinstance(error, DecodeError))
    told = f"{code}: {message}" if code else message
    found = cls(f"{doing}: {_line(told) or f'HTTP {status}'}")
    found.wait = _seconds(response.headers.get("Retry-After"))
    return found


def _class(status: int, code: str, message: str, *, unreadable: bool) -> type[errors.AzureError]:
    if unreadable or status >= _SERVER_ERRORS:
        return errors.AzureUnreachableError
    if code == _MANY_MEANINGS and "quota" in message.lower():
        return errors.QuotaError
    if code.lower() in _BY_CODE:
        return _BY_CODE[code.lower()]
    if status < _OK:
        # the request was taken, and what it began ended badly
        return errors.OperationFailedError
    return _BY_STATUS.get(status, errors.RequestRefusedError)


def _said(response: "HttpResponse", otherwise: str) -> tuple[str, str, str]:
    """Code, message and the inner error's code."""
    try:
        body: Any = response.json()
    except Exception:  # noqa: BLE001 - what cannot be read says nothing, in whatever way
        body = None
    found = body.get("error") if isinstance(body, dict) else None
    if isinstance(found, dict):
        inner = found.get("innererror")
        why = inner.get("code") if isinstance(inner, dict) else None
        return str(found.get("code") or ""), str(found.get("message") or ""), str(why or "")
    return "", otherwise, ""


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdigit() else None


def _is_sign_in(error: ClientAuthenticationError) -> bool:
    # not the service that was asked, but the one that gives tokens
    return error.response is None or _SIGN_IN in str(error)


def _reason(error: Exception) -> str:
    # DefaultAzureCredential lists everything it tried, over dozens of lines
    lines = str(error).splitlines()
    told = [line for line in lines if _SIGN_IN in line] or (lines if len(lines) == 1 else [])
    return told[0] if told else "no credential of this machine could be used"


def _line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]
