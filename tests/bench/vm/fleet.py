"""The virtual machines of one bench."""

import json
import re
import uuid as uuids
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.azure.control import Control
from tests.bench.azure.imds_document import SCALE_SET
from tests.bench.cache import Cache
from tests.bench.commands import run
from tests.bench.errors import BenchError
from tests.bench.network import Network
from tests.bench.state import locked
from tests.bench.vm import acceleration, disk, keys, provisioning, qemu, uml, wire
from tests.bench.vm.disk import Bake, Disk
from tests.bench.vm.machine import Vm
from tests.bench.vm.qemu import Folder, Hardware

_NAME: Final = re.compile("[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_LOCK: Final = ".lock"
_LAST: Final = ".last"


@dataclass(frozen=True, slots=True)
class Vms:
    """The virtual machines of a bench, by name.

    Args:
        run_dir: of the bench.
        cache_dir: of the bench; contains disks.
        net: of the bench.
        azure: control of the bench's services.
    """

    run_dir: Path
    cache_dir: Path
    net: Network
    azure: Control

    def disk(
        self,
        *,
        extra_packages: Sequence[str] = (),
        docker_images: Sequence[Path] = (),
        user_mode: bool = False,
    ) -> Disk:
        """Return the disk of a bare machine, or one with packages and container images baked in.

        It is built (about a minute) unless it is in the cache.

        Args:
            extra_packages: Debian packages.
            docker_images: archives of container images.
            user_mode: for user-mode Linux (`tests.bench.vm.uml`) instead of QEMU.
        """
        cache = Cache(self.cache_dir)
        kernel = uml.build(cache, suite=disk.SUITE) if user_mode else None
        bake = Bake(extra_packages, docker_images, kernel)
        return disk.build(cache, keys.get(cache).trusted, bake)

    def boot(  # noqa: PLR0913 - the properties of a machine; all but the name have defaults
        self,
        name: str,
        *,
        custom_data: bytes = b"",
        disk: Disk | None = None,
        uuid: str | None = None,
        memory_mb: int = 4096,
        cpus: int = 2,
    ) -> Vm:
        """Create a machine and power it on; return before it has booted.

        Args:
            name: lower-case letters, digits and dashes; also its host name.
            custom_data: for cloud-init.
            disk: from `disk`; default: the bare one.
            uuid: default: a new one.
            memory_mb: in MiB.
            cpus: the number of CPUs.

        Raises:
            BenchError: the name is invalid or in use, or a tool failed.
        """
        if not _NAME.fullmatch(name):
            msg = f"a machine's name has only lower-case letters, digits and dashes, not {name!r}"
            raise BenchError(msg)
        chosen = disk or self.disk()
        how = self._how(chosen)
        with locked(self._folder / _LOCK):
            vm = self._make(name)
            hardware = Hardware(
                name=name,
                number=self._free_number(),
                uuid=uuid or str(uuids.uuid4()),
                memory_mb=memory_mb,
                cpus=cpus,
                **how,
            )
            vm.remember(hardware)
        try:
            self._furnish(vm, chosen, custom_data)
            vm.power_on()
        except BaseException:
            vm.delete()
            raise
        return vm

    def get(self, name: str) -> Vm:
        """Return the machine with this name.

        Raises:
            BenchError: there is no such machine.
        """
        vm = Vm(self._folder / name, self.net, self.azure)
        if not vm.root.is_dir():
            msg = f"there is no virtual machine called {name!r}"
            raise BenchError(msg)
        return vm

    def list(self) -> list[Vm]:
        """Return all machines, running or not, sorted by name."""
        found = sorted(path.parent.name for path in self._folder.glob("*/hardware.json"))
        return [Vm(self._folder / name, self.net, self.azure) for name in found]

    @property
    def _folder(self) -> Path:
        return self.run_dir / "vms"

    def _make(self, name: str) -> Vm:
        vm = Vm(self._folder / name, self.net, self.azure)
        if vm.root.exists():
            msg = f"a virtual machine called {name!r} already exists"
            raise BenchError(msg)
        vm.root.mkdir(parents=True)
        return vm

    def _free_number(self) -> int:
        taken = {
            json.loads(path.read_text())["number"] for path in self._folder.glob("*/hardware.json")
        }
        last = self._folder / _LAST
        number = next_number(taken, last=int(last.read_text()) if last.exists() else None)
        last.write_text(str(number))
        return number

    def _how(self, chosen: Disk) -> dict[str, Any]:
        """Return the boot fields of `Hardware`."""
        if user_mode := chosen.user_mode:
            return {
                "kernel": str(user_mode.kernel),
                "initrd": "",
                "libraries": str(user_mode.libraries),
                "image": str(chosen.image),
            }
        return {
            "kernel": str(chosen.kernel),
            "initrd": str(chosen.initrd),
            "acceleration": acceleration.choose(self.cache_dir, chosen),
        }

    def _furnish(self, vm: Vm, chosen: Disk, custom_data: bytes) -> None:
        folder, hardware = Folder(vm.root), vm.hardware
        if not hardware.user_mode:
            run(*qemu.overlay_arguments(chosen.image, folder))
        provisioning.write_cd(folder.provisioning, hostname=vm.name, custom_data=custom_data)
        vm.configure_ssh(keys.get(Cache(self.cache_dir)).ssh_key)
        wire.plug(self.net, hardware.number)
        self._register(hardware)

    def _register(self, hardware: Hardware) -> None:
        """Register the instance at its address with the services."""
        address, name = self.net.address(hardware.number), f"{SCALE_SET}_{hardware.name}"
        instance = {
            "name": name,
            "vm_id": hardware.uuid,
            "hostname": hardware.name,
            "mac": self.net.mac(hardware.number).replace(":", "").upper(),
        }
        self.azure.set("imds", instances={address: instance})
        self.azure.set("wireserver", instances={address: {"name": name}})


def next_number(taken: AbstractSet[int], *, last: int | None) -> int:
    """Return the next free number after the last one assigned.

    As on Azure, a replacement has another address than its predecessor. With the same address its
    packets would reset connections that a server still keeps for the dead instance.

    Raises:
        BenchError: all numbers are in use.
    """
    first = wire.NUMBERS[0] if last is None else last + 1
    for step in range(wire.LIMIT):
        number = wire.NUMBERS[(first - wire.NUMBERS[0] + step) % wire.LIMIT]
        if number not in taken:
            return number
    msg = f"{wire.LIMIT} virtual machines are the limit of one bench"
    raise BenchError(msg)
