"""Translation of Azure's answers into errors, retries, and the operator's identity."""

import base64
import json
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import (
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from clawbot_controller.azure import errors
from clawbot_controller.azure.cloud import Retrier
from clawbot_controller.azure.credentials import signed_in_operator
from clawbot_controller.azure.sdk_errors import translate
from clawbot_controller.model.resource import Principal


class Response:
    """The parts of an HTTP response that an error uses."""

    reason = "Reason"
    content_type = "application/json"

    def __init__(self, status: int, code: str = "", message: str = "", **headers: str) -> None:
        self.status_code = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self._body = {"error": {"code": code, "message": message}} if code else None

    def json(self) -> Any:  # noqa: ANN401 - JSON
        """Return the body."""
        if self._body is None:
            msg = "no JSON"
            raise ValueError(msg)
        return self._body

    def text(self, encoding: str | None = None) -> str:
        """Return the body as text."""
        del encoding
        return json.dumps(self._body)

    def body(self) -> bytes:
        """Return the body as bytes."""
        return self.text().encode()


def answered(status: int, code: str = "", message: str = "", **headers: str) -> errors.AzureError:
    response: Any = Response(status, code, message, **headers)
    return translate(HttpResponseError(response=response), "create it")


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "InvalidParameter", errors.RequestRefusedError),
        (400, "PrincipalNotFound", errors.PrincipalUnknownError),
        (401, "InvalidAuthenticationToken", errors.TokenRefusedError),
        (403, "AuthorizationFailed", errors.ForbiddenError),
        (404, "ResourceGroupNotFound", errors.ParentMissingError),
        (404, "SubscriptionNotFound", errors.SubscriptionUnknownError),
        (409, "Conflict", errors.AzureBusyError),
        (409, "AnotherOperationInProgress", errors.AzureBusyError),
        (409, "StorageAccountAlreadyTaken", errors.NameTakenError),
        (409, "SkuNotAvailable", errors.SizeNotOfferedError),
        (409, "OperationNotAllowed", errors.RequestRefusedError),
        (409, "ScopeLocked", errors.LockedError),
        (403, "RequestDisallowedByPolicy", errors.PolicyError),
        (403, "ReadOnlyDisabledSubscription", errors.SubscriptionDisabledError),
        (409, "ReadOnlyDisabledSubscription", errors.SubscriptionDisabledError),
        (409, "StorageAccountInAnotherResourceGroup", errors.AccountElsewhereError),
        (409, "QuotaExceeded", errors.QuotaError),
        (400, "PublicIPCountLimitReached", errors.QuotaError),
        (412, "PreconditionFailed", errors.ChangedMeanwhileError),
        (418, "", errors.RequestRefusedError),
        (429, "TooManyRequests", errors.AzureThrottledError),
        (500, "InternalServerError", errors.AzureUnreachableError),
        (503, "", errors.AzureUnreachableError),
        # a failed long-running operation is reported with status 200
        (200, "AllocationFailed", errors.OperationFailedError),
        (200, "InternalExecutionError", errors.AzureUnreachableError),
    ],
)
def test_http_answer_is_translated(
    status: int, code: str, expected: type[errors.AzureError]
) -> None:
    assert type(answered(status, code, "why")) is expected


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("ForbiddenByFirewall", errors.VaultClosedError),
        ("ForbiddenByConnection", errors.VaultClosedError),
        ("ForbiddenByPolicy", errors.VaultPolicyError),
        ("ForbiddenByRbac", errors.ForbiddenError),
    ],
)
def test_vault_refusal_is_translated_by_inner_error(
    inner: str, expected: type[errors.AzureError]
) -> None:
    response: Any = Response(403, "Forbidden", "not you")
    response.json()["error"]["innererror"] = {"code": inner}
    found = translate(HttpResponseError(response=response), "look")
    assert type(found) is expected
    assert not found.retryable


def test_word_quota_in_message_is_no_quota_error() -> None:
    message = "The value 9999 of shareQuota is out of range"
    assert type(answered(400, "InvalidParameter", message)) is errors.RequestRefusedError


def test_quota_error_with_ambiguous_code_is_recognized_by_message() -> None:
    message = "Operation could not be completed as it results in exceeding approved quota"
    assert type(answered(409, "OperationNotAllowed", message)) is errors.QuotaError


def test_message_is_one_line_with_code_and_message_of_azure() -> None:
    error = answered(403, "AuthorizationFailed", "The client\r\n 'x' may not")
    assert error.message == "create it: AuthorizationFailed: The client 'x' may not"


def test_retry_after_is_kept_on_error() -> None:
    assert answered(429, "TooManyRequests", Retry_After="17").wait == 17
    assert answered(429, "TooManyRequests").wait is None


@pytest.mark.parametrize(
    "error",
    [
        ServiceRequestError("refused"),
        ServiceResponseError("reset"),
        DecodeError("half a document"),
        json.JSONDecodeError("half", "{", 1),
    ],
)
def test_missing_answer_is_unreachable(error: Exception) -> None:
    assert type(translate(error, "look")) is errors.AzureUnreachableError


def test_untrusted_certificate_is_tls_error() -> None:
    error = ServiceRequestError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    assert type(translate(error, "look")) is errors.AzureTlsError


def test_missing_credentials_are_reported_in_one_line() -> None:
    tried = "DefaultAzureCredential failed\n\tEnvironmentCredential: …\n\tAzureCliCredential: …"
    error = translate(ClientAuthenticationError(tried), "sign in")
    assert type(error) is errors.NoCredentialsError
    assert "\n" not in error.message


def test_expired_login_is_reported_with_message_of_azure() -> None:
    response: Any = Response(400)
    tried = "DefaultAzureCredential failed\n\tAzureCliCredential: AADSTS700082: it has expired\n\tx"
    error = translate(ClientAuthenticationError(tried, response=response), "sign in")
    assert type(error) is errors.NoCredentialsError
    assert error.message == "sign in: AzureCliCredential: AADSTS700082: it has expired"


class Sleeps:
    """A sleep that only records."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def __call__(self, seconds: float) -> None:
        """Record one call."""
        self.slept.append(seconds)


def test_error_is_retried_for_the_time_of_its_class() -> None:
    sleeps, calls = Sleeps(), []

    def attempt() -> None:
        calls.append(1)
        msg = "wait"
        raise errors.AzureThrottledError(msg)

    with pytest.raises(errors.AzureThrottledError):
        Retrier(sleep=sleeps).call(attempt)
    within = errors.AzureThrottledError.retry.within
    assert within - errors.AzureThrottledError.retry.longest <= sum(sleeps.slept) <= within
    assert len(calls) == len(sleeps.slept) + 1


def test_permanent_error_is_raised_without_retry() -> None:
    sleeps = Sleeps()

    def attempt() -> None:
        msg = "no"
        raise errors.ForbiddenError(msg)

    with pytest.raises(errors.ForbiddenError):
        Retrier(sleep=sleeps).call(attempt)
    assert sleeps.slept == []


def test_retry_after_sets_the_wait() -> None:
    sleeps = Sleeps()
    outcomes = [answered(429, "TooManyRequests", Retry_After="60")]

    def attempt() -> str:
        if outcomes:
            raise outcomes.pop()
        return "done"

    assert Retrier(sleep=sleeps).call(attempt) == "done"
    assert sleeps.slept == [60]


class Signed:
    """A credential with a fixed token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *scopes: str, **_options: object) -> AccessToken:
        """Return the token."""
        del scopes
        return AccessToken(self._token, 0)


def jwt(**claims: str) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.sig"


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (jwt(oid="me"), Principal("me", "User")),
        (jwt(oid="app", idtyp="app"), Principal("app", "ServicePrincipal")),
        (jwt(sub="x"), None),
        ("opaque", None),
        ("a.!.c", None),
        ("a.W10.c", None),
    ],
)
def test_operator_is_read_from_token(token: str, expected: Principal | None) -> None:
    assert signed_in_operator(Signed(token)) == expected
