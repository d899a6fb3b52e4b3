import socket
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from tests.bench.azure import CLIENT_ID, NAMES, VAULT
from tests.bench.azure.control import ControlError
from tests.contract.bench_azure.conftest import Answer, Azure

URL = f"https://{VAULT}.vault.azure.net"


@pytest.fixture(autouse=True)
def _stored(azure: Azure) -> None:
    azure.control.set("keyvault", secrets={"greeting": "hello", "gone": None})


def read(azure: Azure, path: str = "/secrets/greeting?api-version=7.4") -> Answer:
    token = azure.token().json["access_token"]
    return azure.ask(f"{URL}{path}", Authorization=f"Bearer {token}")


def test_without_a_token_the_challenge_names_tenant_and_resource(azure: Azure) -> None:
    answer = azure.ask(f"{URL}/secrets/greeting?api-version=7.4")
    assert answer.status == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer authorization="https://login.microsoftonline.com/')
    assert challenge.endswith('resource="https://vault.azure.net"')


@pytest.mark.parametrize("path", ["/secrets/greeting", "/secrets/greeting/", "/secrets/GREETING"])
def test_latest_version(azure: Azure, path: str) -> None:
    content = read(azure, f"{path}?api-version=7.4").json
    assert content["value"] == "hello"
    assert content["id"].lower().startswith(f"{URL}/secrets/greeting/")
    assert content["attributes"]["enabled"] is True


def test_new_value_adds_a_version_and_keeps_the_old_one(azure: Azure) -> None:
    old = read(azure).json["id"].rpartition("/")[2]
    azure.control.set("keyvault", secrets={"greeting": "good day"})
    assert read(azure).json["value"] == "good day"
    assert read(azure, f"/secrets/greeting/{old}?api-version=7.4").json["value"] == "hello"


def test_unknown_secret(azure: Azure) -> None:
    answer = read(azure, "/secrets/gone?api-version=7.4")
    assert (answer.status, answer.json["error"]["code"]) == (404, "SecretNotFound")


def test_token_for_another_audience_is_refused(azure: Azure) -> None:
    token = azure.token("https://storage.azure.com").json["access_token"]
    for value in (token, "invented"):
        answer = azure.ask(
            f"{URL}/secrets/greeting?api-version=7.4", Authorization=f"Bearer {value}"
        )
        assert answer.status == 401


def test_forbidden_for_some_seconds(azure: Azure) -> None:
    azure.control.set("keyvault", forbidden_for=0.2)
    answer = read(azure)
    assert answer.status == 403
    assert answer.json["error"]["code"] == "Forbidden"
    assert answer.json["error"]["innererror"]["code"] == "ForbiddenByRbac"
    azure.control.set("keyvault", forbidden_for=0)
    assert read(azure).status == 200


def test_throttled_answer_has_retry_after(azure: Azure) -> None:
    azure.control.set("keyvault", script=[429], retry_after=7)
    answer = read(azure)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    assert read(azure).status == 200


@pytest.mark.parametrize("path", ["/secrets/greeting", "/secrets/greeting?api-version=1"])
def test_api_version_is_required(azure: Azure, path: str) -> None:
    answer = read(azure, path)
    assert (answer.status, answer.json["error"]["code"]) == (400, "BadParameter")


def test_control_never_returns_a_value(azure: Azure) -> None:
    assert "hello" not in str(azure.control.get("keyvault"))
    assert len(azure.control.get("keyvault")["secrets"]["greeting"]) >= 1


def test_control_refuses_invalid_state(azure: Azure) -> None:
    for state in ({"typo": 1}, {"secrets": {"bad name": "x"}}, {"script": 429}):
        with pytest.raises(ControlError):
            azure.control.set("keyvault", **state)
    with pytest.raises(ControlError):
        azure.control.get("nothing")


@pytest.fixture
def client(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> SecretClient:
    """The real client; only the names' addresses are replaced."""
    resolve = socket.getaddrinfo

    def resolved(host: str, port: int, *more: Any, **options: Any) -> Any:  # noqa: ANN401 - as given
        if host in NAMES:
            host, port = azure.addresses[NAMES[host]]
        return resolve(host, port, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    address, port = azure.addresses["imds"]
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"http://{address}:{port}")
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    credential = ManagedIdentityCredential(client_id=CLIENT_ID, retry_backoff_factor=0)
    # without retries, so that the vault's errors are visible
    return SecretClient(URL, credential, connection_verify=str(azure.authority), retry_total=0)


def test_the_real_sdk_reads_a_secret(azure: Azure, client: SecretClient) -> None:
    azure.control.set("imds", script=[404, 500])
    secret = client.get_secret("greeting")
    client.close()
    assert secret.value == "hello"
    assert [entry["status"] for entry in azure.control.requests("imds")] == [404, 500, 200]
    assert [entry["status"] for entry in azure.control.requests("keyvault")] == [401, 200]


def test_the_real_sdk_understands_the_errors(azure: Azure, client: SecretClient) -> None:
    with pytest.raises(ResourceNotFoundError):
        client.get_secret("gone")
    azure.control.set("keyvault", script=[403])
    with pytest.raises(HttpResponseError) as caught:
        client.get_secret("greeting")
    client.close()
    assert caught.value.status_code == 403
    assert caught.value.error is not None
    assert caught.value.error.innererror == {"code": "ForbiddenByRbac"}
