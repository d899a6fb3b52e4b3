import subprocess
from pathlib import Path

import pytest

from tests.bench.vm import qemu, uml
from tests.bench.vm.qemu import Folder, Hardware

_UUID = "11111111-2222-3333-4444-555555555555"
_HARDWARE = Hardware(
    name="one",
    number=5,
    uuid=_UUID,
    memory_mb=2048,
    cpus=1,
    kernel="/c/linux.uml",
    initrd="",
    libraries="/c/lib",
    image="/c/disk.raw",
)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        # cloud-init asks in the one way, and its generator in the other
        (("--string", "system-uuid"), _UUID),
        (("--quiet", "--string=chassis-asset-tag"), qemu.CHASSIS_TAG),
        (("-s", "baseboard-serial-number"), ""),
    ],
)
def test_without_firmware_the_kernels_command_line_answers_for_it(
    tmp_path: Path, asked: tuple[str, ...], told: str
) -> None:
    words = uml.arguments(_HARDWARE, Folder(Path("/v/one")), mac="m", tap="tap5")
    (tmp_path / "cmdline").write_text(" ".join(words) + "\n")
    program = tmp_path / "dmidecode"
    program.write_text(uml.FIRMWARE.replace("/proc/cmdline", str(tmp_path / "cmdline")))
    done = subprocess.run(
        ("/bin/sh", str(program), *asked), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == told
