"""How QEMU runs a machine: with KVM if it works, otherwise by emulation.

Opening /dev/kvm proves nothing: in some virtual machines it opens, but no guest boots. So a real
kernel is booted once, with a short time limit, and the result is kept until the host reboots.
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
# an old processor is faster to emulate: programs use wide vector units if they find them, and each
# such instruction is expensive (OpenClaw ready in 195 s; with `-cpu max` not in 350 s)
EMULATED: Final = ("-accel", "tcg,thread=multi,tb-size=1024", "-cpu", "Westmere")
PROBE_SECONDS: Final = 15.0
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
# the kernel prints this when it starts its first process
_ALIVE: Final = "Run /init as init process"


def choose(cache_dir: Path, disk: Disk) -> tuple[str, ...]:
    """Return QEMU's options for this host; probes once per boot (at most `PROBE_SECONDS`)."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return EMULATED
    return KVM if remembered(cache_dir, disk, boots_with_kvm) else EMULATED


def remembered(cache_dir: Path, disk: Disk, probe: Callable[[Disk], bool]) -> bool:
    """Return the result of `probe` for this kernel, processor and boot of the host; run it once."""
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model" in line]
    known = (str(disk.kernel), *model[:2], _BOOT_ID.read_text())
    finding = cache_dir / f"vm-kvm-{digest(known)}"
    with locked(cache_dir / ".vm-kvm.lock"):
        if not finding.exists():
            finding.write_text("works\n" if probe(disk) else "does not boot\n")
        return finding.read_text() == "works\n"


def boots_with_kvm(disk: Disk) -> bool:
    """Return whether this disk's kernel starts its first process in time."""
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
    if qemu.stdout is None:  # never: it is a pipe
        raise AssertionError
    os.set_blocking(qemu.stdout.fileno(), False)
    deadline, said = time.monotonic() + PROBE_SECONDS, b""
    while time.monotonic() < deadline and words not in said:
        if (more := qemu.stdout.read()) == b"":
            return False
        said += more or b""
        time.sleep(0.1)
    return words in said
