"""All services of Azure that an operator's program uses, on one loopback port of this process."""

import atexit
import functools
import shutil
import socket
import tempfile
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from azure.core.credentials import AccessToken

from tests.bench.arm.faults import Faults
from tests.bench.arm.machines import InMemoryMachines, Machines
from tests.bench.arm.service import Arm, Recorded
from tests.bench.arm.vaults import VaultDoor
from tests.bench.arm.world import OPERATOR_CLIENT_ID, OPERATOR_ID, World
from tests.bench.azure import ca
from tests.bench.azure.keyvault import KeyVault
from tests.bench.azure.knobs import Knobs
from tests.bench.azure.messages import Reply, Request
from tests.bench.azure.prices import Prices
from tests.bench.azure.tokens import TokenBook
from tests.bench.azure.web import Recorder, WebServer

_LOOPBACK: Final = "127.0.0.1"
_VAULTS: Final = ".vault.azure.net"
_PRICES: Final = "prices.azure.com"
_NAMES: Final = (_LOOPBACK, "localhost", "management.azure.com", f"*{_VAULTS}", _PRICES)
_POLL_SECONDS: Final = 0.05
_TOKEN_SECONDS: Final = 86400.0


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential for the azure-mgmt clients.

    Args:
        tokens: registry of issued tokens.
        client_id: of the program.
        object_id: of the principal.
    """

    tokens: TokenBook
    client_id: str = OPERATOR_CLIENT_ID
    object_id: str = OPERATOR_ID

    def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **options: Any,  # noqa: ANN401 - azure-core's protocol
    ) -> AccessToken:
        """Return a token for the first scope, "https://management.azure.com/.default"."""
        del claims, tenant_id, enable_cae, options
        token = self.tokens.issue(
            client_id=self.client_id,
            object_id=self.object_id,
            resource=scopes[0].removesuffix(".default").rstrip("/"),
            lifetime=_TOKEN_SECONDS,
        )
        return AccessToken(token.value, token.expires)


class FakeArm:
    """Azure Resource Manager, key vaults and retail prices, as a context manager.

    Args:
        machines: behind the instances of scale sets.

    Attributes:
        url: of Resource Manager, for `base_url=`.
        ca_file: the certificate authority (PEM), for `connection_verify=`.
        faults: the planned faults.
        knobs: see `service.Arm`; `arm.knobs.change({"propagation": 3.0})`.
        machines: those given, or `InMemoryMachines`.
    """

    def __init__(self, machines: Machines | None = None) -> None:
        self.machines = machines or InMemoryMachines()
        self.tokens = TokenBook()
        self.world = World(self.machines)
        self._arm = Arm(self.tokens, self.world)
        self.vaults = KeyVault(self.tokens, managed=VaultDoor(self.world))
        self.prices = Prices()
        ca_dir = _ca_dir()
        self.ca_file = str(ca.ensure(ca_dir))
        self._server = WebServer(
            (_LOOPBACK, 0),
            key="arm",
            service=_Switch(self._arm, self.vaults, self.prices),
            recorder=Recorder(log=lambda _line: None),
            tls=ca.server_certificate(ca_dir, _NAMES),
        )
        self.port = int(self._server.server_address[1])
        self.url = f"https://{_LOOPBACK}:{self.port}"
        self._exits = ExitStack()

    @property
    def requests(self) -> list[Recorded]:
        """Requests to Resource Manager, oldest first."""
        return list(self._arm.requests)

    @property
    def faults(self) -> Faults:
        """Planned faults of Resource Manager."""
        return self._arm.faults

    @property
    def knobs(self) -> Knobs:
        """Knobs of Resource Manager."""
        return self.world.knobs

    def credential(self, **who: str) -> Credential:
        """Return the operator's credential, or another principal's (`client_id`, `object_id`)."""
        return Credential(self.tokens, **who)

    def resources(self) -> list[str]:
        """Return the sorted ids of all resources, children and role assignments."""
        with self.world.lock:
            return sorted(item.id for item in self.world.resources.values())

    def deleted_vaults(self) -> list[str]:
        """Return the names of vaults that can be recovered."""
        with self.world.lock:
            return sorted(item.name for item in self.world.deleted_vaults.values())

    def secrets(self, vault: str) -> dict[str, str]:
        """Return the latest values in a vault of this service."""
        store = VaultDoor(self.world).secrets_of(vault.lower())
        if store is None:
            return {}
        return {name: store.versions(name)[-1].value for name in store.names()}

    def settle(self) -> None:
        """Finish all operations in progress."""
        self.world.operations.settle()

    def resolver(self) -> Any:  # noqa: ANN401 - a function as `socket.getaddrinfo`
        """Return a `socket.getaddrinfo` that resolves Azure's names to this service."""
        resolve = socket.getaddrinfo

        def resolved(host: Any, port: Any, *rest: Any, **options: Any) -> Any:  # noqa: ANN401 - as given
            name = host.decode() if isinstance(host, bytes) else str(host)
            if name in _NAMES or name.endswith(_VAULTS):
                host, port = _LOOPBACK, self.port
            return resolve(host, port, *rest, **options)

        return resolved

    def __enter__(self) -> Self:
        """Start listening."""
        thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True
        )
        thread.start()
        self._exits.callback(self._server.server_close)
        self._exits.callback(self._server.shutdown)
        self._exits.callback(self.world.closing.set)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening."""
        self._exits.close()


class _Switch:
    """Serve all services on one address, by the Host header."""

    def __init__(self, arm: Arm, vaults: KeyVault, prices: Prices) -> None:
        self._arm, self._vaults, self._prices = arm, vaults, prices
        self.knobs = arm.knobs
        self.change, self.snapshot = arm.change, arm.snapshot

    def answer(self, request: Request) -> Reply:
        if request.host.endswith(_VAULTS):
            return self._vaults.answer(request)
        if request.host == _PRICES:
            return self._prices.answer(request)
        return self._arm.answer(request)


@functools.cache
def _ca_dir() -> Path:
    """Return the certificate authority of this process, because openssl takes a moment."""
    folder = Path(tempfile.mkdtemp(prefix="bench-arm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
