"""A stand-in for each test, and helpers for its requests."""

import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.bench.arm.fake import FakeArm
from tests.bench.azure import SUBSCRIPTION_ID, TENANT_ID

BODIES: Final = Path(__file__).parent / "bodies"
GROUP: Final = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/bots"
VERSIONS: Final = {
    "Microsoft.Network": "2024-05-01",
    "Microsoft.Compute": "2024-07-01",
    "Microsoft.Storage": "2025-01-01",
    "Microsoft.KeyVault": "2023-07-01",
    "Microsoft.ManagedIdentity": "2023-01-31",
    "Microsoft.Authorization": "2022-04-01",
}
IDENTITY: Final = "Microsoft.ManagedIdentity/userAssignedIdentities"
ROLES: Final = f"/subscriptions/{SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleDefinitions"
PLACEHOLDER: Final = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; status 0: the connection was closed without one."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        """Return the parsed body."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Return the error code."""
        return str(self.json["error"]["code"])


@dataclass(frozen=True, slots=True)
class Client:
    """Sends single, unmodified requests."""

    arm: FakeArm

    def ask(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        host: str = "management.azure.com",
        audience: str = "https://management.azure.com/.default",
        headers: dict[str, str] | None = None,
        timeout: float = 10.0,
    ) -> Answer:
        """Send one request; api-version and token are added."""
        token = self.arm.credential().get_token(audience).token
        sent = {"Authorization": f"Bearer {token}", "Host": host, **(headers or {})}
        content = None if body is None else json.dumps(body)
        context = ssl.create_default_context(cafile=self.arm.ca_file)
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.arm.port, timeout=timeout, context=context
        )
        try:
            connection.request(method, versioned(path), content, sent)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        except (http.client.RemoteDisconnected, ConnectionResetError, ssl.SSLEOFError):
            return Answer(0)
        finally:
            connection.close()

    def follow(self, answer: Answer) -> Answer:
        """Poll an operation until it ends; return the last answer."""
        place = answer.headers.get("azure-asyncoperation") or answer.headers["location"]
        path = "/" + place.split("/", 3)[3]
        for _ in range(20):
            latest = self.ask("GET", path)
            running = latest.status == 202 or (
                latest.body and latest.json.get("status") == "InProgress"
            )
            if not running:
                return latest
        raise AssertionError(place)

    def make(self, path: str, body: object) -> Answer:
        """PUT a resource and wait for the operation."""
        answer = self.ask("PUT", path, body)
        assert answer.status < 300, answer.body
        if "azure-asyncoperation" in answer.headers or "location" in answer.headers:
            self.follow(answer)
        return self.ask("GET", path)


def versioned(path: str) -> str:
    """Return a path with its provider's api-version."""
    if "api-version=" in path:
        return path
    namespaces = [step for step in path.split("?", maxsplit=1)[0].split("/") if step in VERSIONS]
    version = VERSIONS[namespaces[-1]] if namespaces else "2022-09-01"
    return f"{path}{'&' if '?' in path else '?'}api-version={version}"


def at(kind: str, name: str = "") -> str:
    """Return the path of a resource in the group."""
    return f"{GROUP}/providers/{kind}{'/' if name else ''}{name}"


def sample(name: str) -> Any:  # noqa: ANN401 - JSON
    """Return a sample body with ids in the group."""
    text = (BODIES / f"{name}.json").read_text()
    return json.loads(text.replace(PLACEHOLDER, GROUP))


@pytest.fixture
def arm() -> Iterator[FakeArm]:
    """An empty stand-in."""
    with FakeArm() as running:
        yield running


@pytest.fixture
def client(arm: FakeArm) -> Client:
    """A client of the stand-in."""
    return Client(arm)


@pytest.fixture
def group(client: Client) -> Client:
    """A client of a stand-in that has a resource group."""
    client.make(GROUP, {"location": "eastus"})
    return client


@pytest.fixture
def ground(group: Client) -> Client:
    """A client of a stand-in with a bot's network, security group, prefix and identity."""
    group.make(at("Microsoft.Network/networkSecurityGroups", "nsg"), sample("nsg"))
    group.make(at("Microsoft.Network/virtualNetworks", "vnet"), sample("vnet"))
    group.make(at("Microsoft.Network/publicIPPrefixes", "pfx"), sample("pipprefix"))
    group.make(at(IDENTITY, "id"), sample("identity"))
    return group


@pytest.fixture
def resolved(arm: FakeArm, monkeypatch: pytest.MonkeyPatch) -> FakeArm:
    """Azure's names resolve to the stand-in in this process."""
    monkeypatch.setattr(socket, "getaddrinfo", arm.resolver())
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    return arm


def vault_body() -> dict[str, Any]:
    """Return the body of a vault of the tenant."""
    body: dict[str, Any] = sample("keyvault")
    body["properties"]["tenantId"] = TENANT_ID
    return body
