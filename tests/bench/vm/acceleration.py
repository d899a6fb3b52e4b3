"""How QEMU runs a machine's instructions: by the host's processor if that works, else emulated.

/dev/kvm that opens proves nothing: inside some virtual machines it opens and no guest ever boots.
So a real kernel is started once, with a short limit, and the finding is kept for this boot.
"""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.bench.cache import digest
from tests.bench.state import locked
from tests.bench.vm.disk import Disk

KVM: Final = ("-accel", "kvm", "-cpu", "host")
# an old processor is the fast one to emulate: programs that find wide vector units use them, and
# each of those instructions is many here (OpenClaw ready in 195 s; with `-cpu max` not in 350 s)
EMULATED: Final = ("-accel", "tcg,thread=multi,tb-size=1024", "-cpu", "Westmere")
PROBE_SECONDS: Final = 15.0
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
# the first words of the initrd: processes run
_ALIVE: Final = "Run /init as init process"


def choose(cache_dir: Path, disk: Disk) -> tuple[str, ...]:
    """QEMU's options for this host, probing (at most `PROBE_SECONDS`) once per boot of it."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return EMULATED
    return KVM if remembered(cache_dir, disk, boots_with_kvm) else EMULATED


def remembered(cache_dir: Path, disk: Disk, probe: Callable[[Disk], bool]) -> bool:
    """What `probe` found for this kernel and processor since the host's boot, asking it if new."""
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model" in line]
    known = (str(disk.kernel), *model[:2], _BOOT_ID.read_text())
    finding = cache_dir / f"vm-kvm-{digest(known)}"
    with locked(cache_dir / ".vm-kvm.lock"):
        if not finding.exists():
            finding.write_text("works\n" if probe(disk) else "does not boot\n")
        return finding.read_text() == "works\n"


def boots_with_kvm(disk: Disk) -> bool:
    """Whether this disk's kernel reaches its first process in time."""
    argv = (
        *("setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-nodefaults", *KVM),
        *("-m", "512", "-display", "none", "-no-reboot", "-serial", "stdio"),
        *("-kernel", str(disk.kernel), "-initrd", str(disk.initrd)),
        *("-append", "console=ttyS0 panic=-1"),
    )
    quiet = subprocess.DEVNULL
    with subprocess.Popen(argv, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet) as qemu:
        try:
            return _says(qemu, _ALIVE.encode())
        finally:
            qemu.kill()


def _says(qemu: subprocess.Popen[bytes], words: bytes) -> bool:
    if qemu.stdout is None:  # never: a pipe was asked for
        raise AssertionError
    os.set_blocking(qemu.stdout.fileno(), False)
    deadline, said = time.monotonic() + PROBE_SECONDS, b""
    while time.monotonic() < deadline and words not in said:
        if (more := qemu.stdout.read()) == b"":
            return False
        said += more or b""
        time.sleep(0.1)
    return words in said
