"""Azure's answers become errors that say what to do; waiting is up to their class."""

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
from clawbot_controller.azure.failures import translated
from clawbot_controller.azure.operator import Operator, operator
from clawbot_controller.azure.patience import Patience


class Response:
    """As much of an HTTP response as an error looks at."""

    reason = "Reason"
    content_type = "application/json"

    def __init__(self, status: int, code: str = "", message: str = "", **headers: str) -> None:
        self.status_code = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self._body = {"error": {"code": code, "message": message}} if code else None

    def json(self) -> Any:  # noqa: ANN401 - JSON
        """The body."""
        if self._body is None:
            msg = "no JSON"
            raise ValueError(msg)
        return self._body

    def text(self, encoding: str | None = None) -> str:
        """The body as text."""
        del encoding
        return json.dumps(self._body)

    def body(self) -> bytes:
        """The body as bytes."""
        return self.text().encode()


def answered(status: int, code: str = "", message: str = "", **headers: str) -> errors.AzureError:
    response: Any = Response(status, code, message, **headers)
    return translated(HttpResponseError(response=response), "create it")


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
        # a long operation that ended badly is told with 200
        (200, "AllocationFailed", errors.OperationFailedError),
        (200, "InternalExecutionError", errors.AzureUnreachableError),
    ],
)
def test_answers(status: int, code: str, expected: type[errors.AzureError]) -> None:
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
def test_a_vaults_refusal_is_known_by_what_is_in_it(
    inner: str, expected: type[errors.AzureError]
) -> None:
    response: Any = Response(403, "Forbidden", "not you")
    response.json()["error"]["innererror"] = {"code": inner}
    found = translated(HttpResponseError(response=response), "look")
    assert type(found) is expected
    assert not found.retryable


def test_a_word_alone_makes_no_quota() -> None:
    told = "The value 9999 of shareQuota is out of range"
    assert type(answered(400, "InvalidParameter", told)) is errors.RequestRefusedError


def test_a_quota_behind_a_common_code_is_known_by_its_message() -> None:
    told = "Operation could not be completed as it results in exceeding approved quota"
    assert type(answered(409, "OperationNotAllowed", told)) is errors.QuotaError


def test_the_message_is_one_line_with_azures_own_words() -> None:
    error = answered(403, "AuthorizationFailed", "The client\r\n 'x' may not")
    assert error.message == "create it: AuthorizationFailed: The client 'x' may not"


def test_azure_may_say_how_long_to_wait() -> None:
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
def test_no_answer(error: Exception) -> None:
    assert type(translated(error, "look")) is errors.AzureUnreachableError


def test_an_untrusted_certificate_is_not_waited_for() -> None:
    error = ServiceRequestError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    assert type(translated(error, "look")) is errors.AzureTlsError


def test_no_credentials_are_one_line() -> None:
    tried = "DefaultAzureCredential failed\n\tEnvironmentCredential: …\n\tAzureCliCredential: …"
    error = translated(ClientAuthenticationError(tried), "sign in")
    assert type(error) is errors.NoCredentialsError
    assert "\n" not in error.message


def test_a_login_that_is_out_of_date_says_so_in_azures_words() -> None:
    response: Any = Response(400)
    tried = "DefaultAzureCredential failed\n\tAzureCliCredential: AADSTS700082: it has expired\n\tx"
    error = translated(ClientAuthenticationError(tried, response=response), "sign in")
    assert type(error) is errors.NoCredentialsError
    assert error.message == "sign in: AzureCliCredential: AADSTS700082: it has expired"


class Sleeps:
    """Counts instead of sleeping."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def __call__(self, seconds: float) -> None:
        """Sleep."""
        self.slept.append(seconds)


def test_a_class_is_retried_for_as_long_as_it_says() -> None:
    sleeps, calls = Sleeps(), []

    def attempt() -> None:
        calls.append(1)
        msg = "wait"
        raise errors.AzureThrottledError(msg)

    with pytest.raises(errors.AzureThrottledError):
        Patience(sleep=sleeps).retrying(attempt)
    within = errors.AzureThrottledError.retry.within
    assert within - errors.AzureThrottledError.retry.longest <= sum(sleeps.slept) <= within
    assert len(calls) == len(sleeps.slept) + 1


def test_what_waiting_does_not_cure_is_told_at_once() -> None:
    sleeps = Sleeps()

    def attempt() -> None:
        msg = "no"
        raise errors.ForbiddenError(msg)

    with pytest.raises(errors.ForbiddenError):
        Patience(sleep=sleeps).retrying(attempt)
    assert sleeps.slept == []


def test_azures_own_wait_is_kept_to() -> None:
    sleeps = Sleeps()
    outcomes = [answered(429, "TooManyRequests", Retry_After="60")]

    def attempt() -> str:
        if outcomes:
            raise outcomes.pop()
        return "done"

    assert Patience(sleep=sleeps).retrying(attempt) == "done"
    assert sleeps.slept == [60]


class Signed:
    """A credential with a given token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *scopes: str, **_options: object) -> AccessToken:
        """The token."""
        del scopes
        return AccessToken(self._token, 0)


def jwt(**claims: str) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.sig"


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (jwt(oid="me"), Operator("me", "User")),
        (jwt(oid="app", idtyp="app"), Operator("app", "ServicePrincipal")),
        (jwt(sub="x"), None),
        ("opaque", None),
        ("a.!.c", None),
        ("a.W10.c", None),
    ],
)
def test_the_operator_is_who_the_token_says(token: str, expected: Operator | None) -> None:
    assert operator(Signed(token)) == expected
