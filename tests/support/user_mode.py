"""The argv of a user-mode Linux machine that is never started."""

from pathlib import Path
from typing import Final

from tests.bench.vm import uml
from tests.bench.vm.qemu import Folder, Hardware

UUID: Final = "11111111-2222-3333-4444-555555555555"


def argv_of(number: int) -> list[str]:
    """Return the argv of machine `number`, whose directory is /v/one."""
    hardware = Hardware(
        name="one",
        number=number,
        uuid=UUID,
        memory_mb=2048,
        cpus=1,
        kernel="/c/linux.uml",
        initrd="",
        libraries="/c/lib",
        image="/c/disk.raw",
    )
    return list(uml.arguments(hardware, Folder(Path("/v/one")), mac="00:0d", tap="tap5"))
