import subprocess
from pathlib import Path

import pytest

from tests.bench.vm import qemu, uml
from tests.support.user_mode import UUID, argv_of


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        # cloud-init uses one form, its generator the other
        (("--string", "system-uuid"), UUID),
        (("--quiet", "--string=chassis-asset-tag"), qemu.CHASSIS_TAG),
        (("-s", "baseboard-serial-number"), ""),
    ],
)
def test_dmidecode_reads_the_kernels_command_line(
    tmp_path: Path, asked: tuple[str, ...], answer: str
) -> None:
    (tmp_path / "cmdline").write_text(" ".join(argv_of(5)) + "\n")
    program = tmp_path / "dmidecode"
    program.write_text(uml.FIRMWARE.replace("/proc/cmdline", str(tmp_path / "cmdline")))
    done = subprocess.run(
        ("/bin/sh", str(program), *asked), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == answer
