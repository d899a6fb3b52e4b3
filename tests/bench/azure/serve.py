"""All the services together: their addresses, started and stopped as one."""

import json
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.bench.arm.machines import Machines
from tests.bench.arm.plug import MACHINES_SOCKET, PluggedMachines
from tests.bench.arm.service import Arm
from tests.bench.arm.vaults import VaultDoor
from tests.bench.arm.world import World
from tests.bench.azure import ADDRESSES, IMDS_ADDRESS, NAMES, WIRESERVER_ADDRESS, ca
from tests.bench.azure.control_server import ControlServer
from tests.bench.azure.github import GitHub
from tests.bench.azure.image_store import ImageStore
from tests.bench.azure.imds import Imds
from tests.bench.azure.keyvault import KeyVault
from tests.bench.azure.messages import Service
from tests.bench.azure.prices import Prices
from tests.bench.azure.registry import Registry
from tests.bench.azure.tokens import TokenBook
from tests.bench.azure.web import Recorder, WebServer
from tests.bench.azure.wireserver import WireServer

READY_FILE: Final = "azure.ready"
CONTROL_SOCKET: Final = "azure.sock"
CA_DIR: Final = "ca"
_PLAIN: Final = {"imds": IMDS_ADDRESS, "wireserver": WIRESERVER_ADDRESS}
_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Content:
    """The contents that the services offer.

    Args:
        assets: path on github.com to file.
        images: the registry's images.
    """

    assets: Mapping[str, Path]
    images: ImageStore


class Servers:
    """Every service, listening while the context is open.

    Args:
        content: what they offer.
        run_dir: for the control socket and the ready file.
        ca_dir: the certificate authority.
        bind: one address for all services, each on a free port, instead of their own.
        machines: creates the instances of scale sets; default: a provider on a socket, if any.
    """

    def __init__(
        self,
        *,
        content: Content,
        run_dir: Path,
        ca_dir: Path,
        bind: str | None = None,
        machines: Machines | None = None,
    ) -> None:
        self._run_dir = run_dir
        self._ca_dir = ca_dir
        self._bind = bind
        self._recorder = Recorder()
        tokens = TokenBook()
        world = World(machines or PluggedMachines(run_dir / MACHINES_SOCKET))
        self._services: dict[str, Service] = {
            "imds": Imds(tokens),
            "wireserver": WireServer(),
            "keyvault": KeyVault(tokens, managed=VaultDoor(world)),
            "github": GitHub(content.assets),
            "registry": Registry(content.images),
            "arm": Arm(tokens, world),
            "prices": Prices(),
        }
        self._exits = ExitStack()
        self.addresses: dict[str, tuple[str, int]] = {}

    def __enter__(self) -> Self:
        """Start listening, then write the ready file: service key to address and port.

        Raises:
            OSError: an address does not exist or is in use.
        """
        with ExitStack() as undo:
            for key, service in self._services.items():
                self.addresses[key] = self._listen(undo, key, service)
            control = ControlServer(self._run_dir / CONTROL_SOCKET, self._services, self._recorder)
            undo.callback((self._run_dir / CONTROL_SOCKET).unlink, missing_ok=True)
            _run(undo, control)
            ready = self._run_dir / READY_FILE
            partial = ready.with_suffix(".partial")
            partial.write_text(json.dumps(self.addresses))
            partial.replace(ready)
            undo.callback(ready.unlink, missing_ok=True)
            self._exits = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening and remove the ready file."""
        self._exits.close()

    def _listen(self, undo: ExitStack, key: str, service: Service) -> tuple[str, int]:
        tls = None
        if key not in _PLAIN:
            names = [name for name, owner in NAMES.items() if owner == key]
            tls = ca.server_certificate(self._ca_dir, names)
        address = self._bind or _PLAIN.get(key) or ADDRESSES[key]
        port = 0 if self._bind else 443 if tls else 80
        server = WebServer(
            (address, port), key=key, service=service, recorder=self._recorder, tls=tls
        )
        _run(undo, server)
        return address, int(server.server_address[1])


def _run(undo: ExitStack, server: WebServer | ControlServer) -> None:
    undo.callback(server.server_close)
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
    thread.start()
    undo.callback(server.shutdown)
