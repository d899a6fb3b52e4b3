import socket
import ssl
import time

import certifi
import pytest

from clawbot_agent.azure import errors, keyvault
from clawbot_agent.core.errors import ClawbotError
from tests.bench.azure import CLIENT_ID, VAULT
from tests.contract.azure.conftest import CANARY, TOKEN_NAME, Net, Read
from tests.contract.bench_azure.conftest import Azure

HOST = f"{VAULT}.vault.azure.net"
OTHER_ID = "11111111-2222-3333-4444-555555555555"


def statuses(azure: Azure, service: str) -> list[int]:
    return [entry["status"] for entry in azure.control.requests(service)]


def refused(read: Read, *names: str, client_id: str = CLIENT_ID) -> ClawbotError:
    """The error that reading ends with; it says nothing that it should not."""
    started = time.monotonic()
    with pytest.raises(ClawbotError) as caught:
        read(*names, client_id=client_id)
    error = caught.value
    assert time.monotonic() - started < 10, "the SDK waited by itself"
    for text in (error.message, error.hint):
        assert CANARY not in text
        assert "Bearer" not in text
        assert "bench." not in text, "a token"
        assert "\n" not in text
    assert error.hint
    return error


def test_values_are_secrets(azure: Azure, read: Read) -> None:
    """One token, one challenge, one request for each secret."""
    azure.control.set("keyvault", secrets={"fragment": "{}"})
    found = read(TOKEN_NAME, "fragment")
    assert {name: value.reveal() for name, value in found.items()} == {
        TOKEN_NAME: CANARY,
        "fragment": "{}",
    }
    assert CANARY not in repr(found)
    assert statuses(azure, "imds") == [200]
    assert [status for status in statuses(azure, "keyvault") if status == 200] == [200, 200]


@pytest.mark.parametrize("status", [404, 410, 429, 500, 503])
def test_metadata_service_that_is_not_ready(azure: Azure, read: Read, status: int) -> None:
    """One request and a retryable error: the SDK's and msal's own retries are off."""
    azure.control.set("imds", script=[status] * 8)
    error = refused(read)
    assert isinstance(error, errors.ImdsUnavailableError)
    assert error.retryable
    assert str(status) in error.message
    assert statuses(azure, "imds") == [status]


def test_metadata_service_that_drops_connections(azure: Azure, read: Read) -> None:
    azure.control.set("imds", down=True)
    assert refused(read).code == "IMDS_UNAVAILABLE"
    assert statuses(azure, "imds") == [0]


def test_no_metadata_service(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9")
    assert refused(read).code == "IMDS_UNAVAILABLE"


def test_identity_that_is_not_attached(azure: Azure, read: Read) -> None:
    """It can still come, for a minute or so."""
    error = refused(read, client_id=OTHER_ID)
    assert error.code == "IDENTITY_NOT_FOUND"
    assert OTHER_ID in error.message
    assert 60 <= error.retry.within <= 90
    assert statuses(azure, "imds") == [400]


def test_other_refusal_of_a_token(azure: Azure, read: Read) -> None:
    azure.control.set("imds", script=[400])
    error = refused(read)
    assert error.code == "IMDS_REFUSED"
    assert not error.retryable


def test_missing_role_is_retried(azure: Azure, read: Read) -> None:
    azure.control.set("keyvault", forbidden_for=60)
    error = refused(read)
    assert error.code == "KEYVAULT_FORBIDDEN"
    assert error.retry.within >= 600
    assert "ForbiddenByRbac" in error.message
    assert "Key Vault Secrets User" in error.hint
    assert VAULT in error.hint
    assert statuses(azure, "keyvault").count(403) == 1


def test_absent_secret_is_reported(read: Read) -> None:
    error = refused(read, "nothing")
    assert error.code == "KEYVAULT_SECRET_NOT_FOUND"
    assert not error.retryable
    assert f"az keyvault secret set --vault-name {VAULT} --name nothing" in error.hint


def test_secret_without_a_value(azure: Azure, read: Read) -> None:
    azure.control.set("keyvault", secrets={"blank": " \n"})
    error = refused(read, "blank")
    assert error.code == "KEYVAULT_SECRET_EMPTY"
    assert not error.retryable


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "KEYVAULT_THROTTLED"),
        (500, "KEYVAULT_UNREACHABLE"),
        (503, "KEYVAULT_UNREACHABLE"),
    ],
)
def test_transient_answers_are_retryable(azure: Azure, read: Read, status: int, code: str) -> None:
    azure.control.set("keyvault", script=[status] * 8)
    error = refused(read)
    assert error.code == code
    assert error.retryable
    assert statuses(azure, "keyvault").count(status) == 1


def test_refused_token_is_reported(azure: Azure, read: Read) -> None:
    """Expired the moment it was issued."""
    azure.control.set("imds", revoke=True, token_lifetime=0)
    error = refused(read)
    assert error.code == "KEYVAULT_UNAUTHORIZED"
    assert error.retryable


def test_vault_that_drops_connections(azure: Azure, read: Read) -> None:
    azure.control.set("keyvault", down=True)
    error = refused(read)
    assert error.code == "KEYVAULT_UNREACHABLE"
    assert "closed connection" in error.message


def test_name_that_does_not_resolve(net: Net, read: Read) -> None:
    net.unknown.add(HOST)
    error = refused(read)
    assert error.code == "KEYVAULT_UNREACHABLE"
    assert "Name or service not known" in error.message


def test_port_that_is_closed(net: Net, read: Read) -> None:
    net.moved[HOST] = ("127.0.0.1", 9)
    error = refused(read)
    assert error.code == "KEYVAULT_UNREACHABLE"
    assert "Connection refused" in error.message


def test_untrusted_certificate_is_reported(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """The instance's own list decides: here one that lacks the bench's authority."""
    monkeypatch.setattr(keyvault, "SYSTEM_CA_BUNDLE", certifi.where())
    error = refused(read)
    assert error.code == "KEYVAULT_TLS"
    assert not error.retryable


def test_server_without_tls(azure: Azure, net: Net, read: Read) -> None:
    """It is no certificate error: what is there may be starting."""
    net.moved[HOST] = azure.addresses["imds"]
    assert refused(read).code == "KEYVAULT_UNREACHABLE"


def test_silent_vault_is_unreachable(net: Net, read: Read) -> None:
    """No request outlasts the limit."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        net.moved[HOST] = silent.getsockname()[:2]
        started = time.monotonic()
        with pytest.raises(errors.KeyVaultUnreachableError, match="timed out"):
            read(seconds=1)
        assert time.monotonic() - started < 16


def test_causes_are_found_through_all_wrappings() -> None:
    """A certificate error stays one however deep the libraries bury it."""
    inner = ssl.SSLCertVerificationError(1, "certificate verify failed")
    inner.verify_message = "certificate has expired"
    middle = OSError("wrapped", inner)
    from azure.core.exceptions import ServiceRequestError  # noqa: PLC0415 - as the product does

    error = keyvault.unreachable(ServiceRequestError("outer", error=middle), host=HOST)
    assert error.code == "KEYVAULT_TLS"
    assert "certificate has expired" in error.message
