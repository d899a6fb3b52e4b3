"""Translation of the SDK's exceptions into errors with a code and a hint."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from azure.core.exceptions import AzureError as SdkError
from azure.core.exceptions import ClientAuthenticationError, DecodeError, HttpResponseError

from clawbot_controller.azure import errors

if TYPE_CHECKING:
    from azure.core.rest import HttpResponse

# the SDK does not wrap json's error everywhere
SDK_ERRORS: Final = (SdkError, json.JSONDecodeError)

_BY_CODE: Final[Mapping[str, type[errors.AzureError]]] = {
    code.lower(): cls
    for cls, codes in {
        errors.SubscriptionUnknownError: ("SubscriptionNotFound", "InvalidSubscriptionId"),
        errors.ProviderMissingError: ("MissingSubscriptionRegistration",),
        errors.PrincipalUnknownError: ("PrincipalNotFound",),
        errors.NameTakenError: (
            *("StorageAccountAlreadyTaken", "VaultAlreadyExists", "VaultNameNotValid"),
            # also a deleted vault of another group
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
# prefix of the codes of sign-in errors
_SIGN_IN: Final = "AADSTS"
# in OpenSSL's message, whichever library passes it on
_UNTRUSTED: Final = "CERTIFICATE_VERIFY_FAILED"
# also a quota error, recognizable by the message only
_AMBIGUOUS: Final = "OperationNotAllowed"
_OK: Final = 300
_LONGEST_MESSAGE: Final = 400


def translate(error: Exception, operation: str) -> errors.AzureError:
    """Return the error of an operation ("create virtual network clawbot-vnet")."""
    if isinstance(error, ClientAuthenticationError) and _is_sign_in(error):
        return errors.NoCredentialsError(f"{operation}: {_line(_reason(error))}")
    if isinstance(error, HttpResponseError) and error.response is not None:
        return _http_error(error, operation)
    cls = errors.AzureTlsError if _UNTRUSTED in str(error) else errors.AzureUnreachableError
    return cls(f"{operation}: {_line(str(error)) or type(error).__name__}")


def _http_error(error: HttpResponseError, operation: str) -> errors.AzureError:
    # the only type of response that the SDK's clients return
    response = cast("HttpResponse", error.response)
    code, message, inner = _parse(response, error.message)
    status = response.status_code
    # a vault answers Forbidden, with the reason in the inner error
    decisive = inner if inner.lower() in _BY_CODE else code
    cls = _class(status, decisive, message, unreadable=isinstance(error, DecodeError))
    text = f"{code}: {message}" if code else message
    found = cls(f"{operation}: {_line(text) or f'HTTP {status}'}")
    found.wait = _seconds(response.headers.get("Retry-After"))
    return found


def _class(status: int, code: str, message: str, *, unreadable: bool) -> type[errors.AzureError]:
    if unreadable or status >= _SERVER_ERRORS:
        return errors.AzureUnreachableError
    if code == _AMBIGUOUS and "quota" in message.lower():
        return errors.QuotaError
    if code.lower() in _BY_CODE:
        return _BY_CODE[code.lower()]
    if status < _OK:
        # the request was accepted, and its long-running operation failed
        return errors.OperationFailedError
    return _BY_STATUS.get(status, errors.RequestRefusedError)


def _parse(response: "HttpResponse", default: str) -> tuple[str, str, str]:
    """Return code, message and the inner error's code."""
    try:
        body: Any = response.json()
    except Exception:  # noqa: BLE001 - an unreadable body has no code, whatever the reason
        body = None
    found = body.get("error") if isinstance(body, dict) else None
    if isinstance(found, dict):
        inner = found.get("innererror")
        why = inner.get("code") if isinstance(inner, dict) else None
        return str(found.get("code") or ""), str(found.get("message") or ""), str(why or "")
    return "", default, ""


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdigit() else None


def _is_sign_in(error: ClientAuthenticationError) -> bool:
    # an error of the token service, not of the service that the request was for
    return error.response is None or _SIGN_IN in str(error)


def _reason(error: Exception) -> str:
    # DefaultAzureCredential lists every attempt, over dozens of lines
    lines = str(error).splitlines()
    useful = [line for line in lines if _SIGN_IN in line] or (lines if len(lines) == 1 else [])
    return useful[0] if useful else "no usable credentials on this computer"


def _line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_MESSAGE]
