"""The environment of a drill: a share in the bench's storage account, and instances on it."""

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from tests.bench import files
from tests.bench.product_vm import BotVms, wait_healthy
from tests.bench.vm.machine import Vm
from tests.support.inside import STATE, Databases, approve, check_databases
from tests.support.openclaw_client import Device, NotPairedError, OpenClaw

# without hardware acceleration, with other machines on the same two cores
HEALTHY_SECONDS: Final = 1500.0
_CONNECT_SECONDS: Final = 300.0
_SSH_SECONDS: Final = 600.0
_FLUSH_SECONDS: Final = 300.0
_LEASE: Final = "/run/clawbot/lease.json"
_STATUS: Final = "/var/lib/clawbot/status.json"


@dataclass(slots=True)
class Instance:
    """One virtual machine of a bot.

    Args:
        vm: the machine.
        token: the gateway token.
        device: the drill's client, the same for all instances of the bot.
        powered_on: time on the monotonic clock.
    """

    vm: Vm
    token: str = field(repr=False)
    device: Device
    powered_on: float = field(default_factory=time.monotonic)

    def healthy(self, *, within: float = HEALTHY_SECONDS) -> float:
        """Wait until it is healthy; return the seconds since it was powered on.

        Raises:
            BenchError: not in that time.
        """
        wait_healthy(self.vm, within=within)
        return time.monotonic() - self.powered_on

    def power_on(self) -> None:
        """Boot it again with its disk."""
        self.vm.power_on()
        self.powered_on = time.monotonic()

    def enter(self) -> None:
        """Wait until commands can be run in it."""
        self.vm.wait_for_ssh(timeout=_SSH_SECONDS)

    def client(self) -> OpenClaw:
        """Return a client that is not connected."""
        return OpenClaw(f"http://{self.vm.address}", self.token, self.device)

    @contextmanager
    def connected(self, *, pair: bool = False) -> Iterator[OpenClaw]:
        """Provide a connected client.

        Args:
            pair: approve the device if the bot does not know it; otherwise that is an error.

        Raises:
            NotPairedError: the bot does not know the device.
        """
        client = self.client()
        try:
            client.connect(within=_CONNECT_SECONDS)
        except NotPairedError as error:
            if not pair:
                raise
            approve(self.vm.exec, error.request_id, token=self.token)
            client.connect(within=_CONNECT_SECONDS)
        try:
            yield client
        finally:
            client.close()

    def flush(self) -> None:
        """Flush all written data to the share."""
        done = self.vm.exec(("sync", "--file-system", STATE), timeout=_FLUSH_SECONDS)
        assert done.returncode == 0, done.stderr

    def databases(self) -> Databases:
        """Return the condition of OpenClaw's databases."""
        return check_databases(self.vm.exec)

    def lease(self) -> dict[str, Any]:
        """Return the lease daemon's lease.json; empty if there is none."""
        return self._read(_LEASE)

    def last_run(self) -> dict[str, Any]:
        """Return the agent's status.json; empty before the first run."""
        return self._read(_STATUS)

    def _read(self, path: str) -> dict[str, Any]:
        done = self.vm.exec(("cat", path), timeout=60)
        try:
            found: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            return {}
        return found


@dataclass(slots=True)
class Ground:
    """One share, and the instances of the bot whose data is on it.

    Args:
        bots: on a running bench, published.
        backend: image or share.
        share: its name; it is created if missing.
        prefix: of the instances' names.
        configuration: further sections of the bot's configuration.
        baked_image: bake the container image into the disks; loading it takes minutes without
            hardware acceleration.
    """

    bots: BotVms
    backend: str = "image"
    share: str = files.SHARE
    prefix: str = "bot"
    configuration: dict[str, Any] = field(default_factory=dict)
    baked_image: bool = False
    device: Device = field(default_factory=Device, repr=False)
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def prepare(self, *, seed: bool = True) -> None:
        """Create the share if it is missing.

        Args:
            seed: put the container image on it, as an earlier instance does.
        """
        if not self.bots.bench.files.directory(self.share).exists():
            self.bots.bench.files.add_share(self.share)
        if seed:
            self.bots.seed_images(self.share)

    def boot(self) -> Instance:
        """Power on a new instance: a new UUID, an empty disk, the same share."""
        name = f"{self.prefix}{next(self._numbers)}"
        vm = self.bots.boot(
            name,
            image=self.baked_image,
            backend=self.backend,
            share=self.share,
            **self.configuration,
        )
        return Instance(vm, self.bots.token, self.device)

    def instance(self, name: str) -> Instance:
        """Return an instance that already runs."""
        return Instance(self.bots.bench.vms.get(name), self.bots.token, self.device)
