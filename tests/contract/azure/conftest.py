"""The real SDKs against stand-ins for the metadata service and Key Vault on loopback."""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from clawbot_agent.azure import keyvault
from clawbot_agent.core.secret import Secret
from clawbot_agent.host.limit import Limit, SystemClock
from tests.bench.azure import CLIENT_ID, NAMES, VAULT
from tests.contract.bench_azure.conftest import Azure, azure, running

__all__ = ["Net", "azure", "net", "read", "running"]

TOKEN_NAME = "gateway-token"  # noqa: S105 - a secret's name
CANARY = "canary-5d41402abc4b2a76b9719d911017c592"
Read = Callable[..., dict[str, Secret]]


@dataclass(slots=True)
class Net:
    """How names resolve in this process.

    Attributes:
        moved: address and port of a name, instead of the stand-in's.
        unknown: names that do not resolve.
    """

    moved: dict[str, tuple[str, int]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)


@pytest.fixture
def net(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> Net:
    """The vault's name leads to its stand-in; so does the metadata service's address."""
    table = Net()
    resolve = socket.getaddrinfo

    def resolved(host: str, port: int, *rest: Any, **options: Any) -> Any:  # noqa: ANN401 - as given
        if host in table.unknown:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if host in NAMES:
            host, port = table.moved.get(host, azure.addresses[NAMES[host]])
        return resolve(host, port, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    monkeypatch.setattr(keyvault, "SYSTEM_CA_BUNDLE", azure.authority)
    address, port = azure.addresses["imds"]
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"http://{address}:{port}")
    for name in ("IDENTITY_ENDPOINT", "MSI_ENDPOINT", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    # an absent proxy: a client that uses it for the metadata service gets no answer
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    azure.control.set("keyvault", secrets={TOKEN_NAME: CANARY})
    return table


@pytest.fixture
def read(net: Net) -> Read:
    """Read secrets as the agent does."""
    del net

    def reading(*names: str, client_id: str = CLIENT_ID, seconds: float = 30) -> dict[str, Secret]:
        clock = SystemClock()
        limit = Limit(clock, clock.monotonic() + seconds, canceled=threading.Event())
        url = f"https://{VAULT}.vault.azure.net"
        return keyvault.read_secrets(url, names or (TOKEN_NAME,), client_id=client_id, limit=limit)

    return reading
