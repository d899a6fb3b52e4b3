"""QEMU's command line for a machine that looks like one of Azure's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# how cloud-init and others recognise Azure (Azure/WALinuxAgent, and systemd-detect-virt)
CHASSIS_TAG: Final = "7783-7084-3265-9085-8269-3286-77"
_KERNEL: Final = " ".join(
    (
        *("root=LABEL=root", "rw", "console=ttyS0", "quiet"),
        # what a kernel does against attacks on real processors only costs time here
        "mitigations=off",
        # on a busy host the kernel would take a late answer for a bad clock, and turn to a slow one
        "tsc=reliable",
        # there is no socket to the host for systemd's ssh generator to complain about
        "systemd.ssh_auto=no",
    )
)


@dataclass(frozen=True, slots=True)
class Hardware:
    """What does not change while a machine exists; kept as JSON beside its disk.

    Args:
        name: of the machine.
        number: of its network card, see `tests.bench.network`.
        uuid: in its firmware; cloud-init takes another one for another instance.
        memory_mb: MiB.
        cpus: how many.
        kernel: of its disk.
        initrd: of its disk.
        acceleration: QEMU's options.
        libraries: of the C library of a kernel that is a program (`tests.bench.vm.uml`).
        image: the disk under that kernel's changes.
    """

    name: str
    number: int
    uuid: str
    memory_mb: int
    cpus: int
    kernel: str
    initrd: str
    acceleration: tuple[str, ...] = ()
    libraries: str = ""
    image: str = ""

    @property
    def user_mode(self) -> bool:
        """Whether the kernel is a program."""
        return bool(self.libraries)


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a machine's files are."""

    root: Path

    @property
    def disk(self) -> Path:
        """Its own writes, over the cached disk."""
        return self.root / "disk.qcow2"

    @property
    def changes(self) -> Path:
        """The same for a kernel that is a program."""
        return self.root / "disk.cow"

    @property
    def provisioning(self) -> Path:
        """The provisioning CD."""
        return self.root / "provisioning.iso"

    @property
    def console(self) -> Path:
        """What it wrote to its serial port, over all its boots."""
        return self.root / "console.log"

    @property
    def monitor(self) -> Path:
        """The socket of QEMU's machine protocol."""
        return self.root / "qmp"

    @property
    def running(self) -> Path:
        """What a kernel that is a program keeps while it runs."""
        return self.root / "uml"


def make_ready(folder: Folder) -> Path:
    """Clear away what a cut left; the socket that is there when it runs."""
    folder.monitor.unlink(missing_ok=True)
    return folder.monitor


def arguments(hardware: Hardware, folder: Folder, *, mac: str, tap: str) -> tuple[str, ...]:
    """Argv of QEMU.

    A flush in the machine is a flush on the host, and what was written before it survives when
    QEMU is killed: the host's page cache plays the part of Azure's storage.
    """
    return (
        *("qemu-system-x86_64", "-name", hardware.name, "-nodefaults", "-no-user-config"),
        *("-machine", "pc", *hardware.acceleration, "-m", str(hardware.memory_mb)),
        *("-smp", str(hardware.cpus), "-display", "none", "-rtc", "base=utc"),
        *("-smbios", f"type=1,manufacturer=Microsoft Corporation,uuid={hardware.uuid}"),
        *("-smbios", f"type=3,manufacturer=Microsoft Corporation,asset={CHASSIS_TAG}"),
        *("-kernel", hardware.kernel, "-initrd", hardware.initrd, "-append", _KERNEL),
        *("-drive", f"file={folder.disk},if=virtio,format=qcow2,cache=writeback,discard=unmap"),
        *("-drive", f"file={folder.provisioning},if=ide,format=raw,media=cdrom,readonly=on"),
        *("-netdev", f"tap,id=net,ifname={tap},script=no,downscript=no"),
        *("-device", f"virtio-net-pci,netdev=net,mac={mac},romfile="),
        # an old processor has no source of randomness, and keys are made at the first boot
        *("-device", "virtio-rng-pci"),
        *("-chardev", f"file,id=console,path={folder.console},append=on"),
        *("-serial", "chardev:console"),
        *("-qmp", f"unix:{folder.monitor},server=on,wait=off"),
    )


def overlay_arguments(image: Path, folder: Folder) -> Sequence[str]:
    """Argv that makes the disk of a new machine, in no time."""
    backing = ("-F", "raw", "-b", str(image))
    return ("qemu-img", "create", "-q", "-f", "qcow2", *backing, str(folder.disk))
