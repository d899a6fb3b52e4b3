"""QEMU's command line for a machine that looks like an Azure VM."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# identifies Azure to cloud-init, Azure/WALinuxAgent and systemd-detect-virt
CHASSIS_TAG: Final = "7783-7084-3265-9085-8269-3286-77"
_KERNEL: Final = " ".join(
    (
        *("root=LABEL=root", "rw", "console=ttyS0", "quiet"),
        # mitigations of processor vulnerabilities only cost time here
        "mitigations=off",
        # on a busy host the kernel would reject the clock source and switch to a slower one
        "tsc=reliable",
        # systemd's ssh generator would complain about the missing vsock
        "systemd.ssh_auto=no",
    )
)


@dataclass(frozen=True, slots=True)
class Hardware:
    """A machine's fixed properties; kept as JSON beside its disk.

    Args:
        name: of the machine.
        number: of its network interface, see `tests.bench.network`.
        uuid: in its firmware; to cloud-init, another UUID is another instance.
        memory_mb: in MiB.
        cpus: the number of CPUs.
        kernel: of its disk.
        initrd: of its disk.
        acceleration: QEMU's options.
        libraries: directory of the C library for user-mode Linux (`tests.bench.vm.uml`).
        image: the cached disk under the changes, with user-mode Linux.
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
        """Whether it runs with user-mode Linux."""
        return bool(self.libraries)


@dataclass(frozen=True, slots=True)
class Folder:
    """A machine's directory."""

    root: Path

    @property
    def disk(self) -> Path:
        """Its changes to the cached disk."""
        return self.root / "disk.qcow2"

    @property
    def changes(self) -> Path:
        """The same for user-mode Linux."""
        return self.root / "disk.cow"

    @property
    def provisioning(self) -> Path:
        """The provisioning CD."""
        return self.root / "provisioning.iso"

    @property
    def console(self) -> Path:
        """The log of its serial port, over all its boots."""
        return self.root / "console.log"

    @property
    def monitor(self) -> Path:
        """The socket of QEMU's machine protocol."""
        return self.root / "qmp"

    @property
    def running(self) -> Path:
        """The runtime directory of user-mode Linux."""
        return self.root / "uml"


def make_ready(folder: Folder) -> Path:
    """Remove what a power cut left; return the socket that exists while it runs."""
    folder.monitor.unlink(missing_ok=True)
    return folder.monitor


def arguments(hardware: Hardware, folder: Folder, *, mac: str, tap: str) -> tuple[str, ...]:
    """Return QEMU's argv.

    A flush in the machine is a flush on the host, and data written before it survives when QEMU is
    killed: the host's page cache plays the part of Azure's storage.
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
        # an old processor has no random generator, and the first boot creates keys
        *("-device", "virtio-rng-pci"),
        *("-chardev", f"file,id=console,path={folder.console},append=on"),
        *("-serial", "chardev:console"),
        *("-qmp", f"unix:{folder.monitor},server=on,wait=off"),
    )


def overlay_arguments(image: Path, folder: Folder) -> Sequence[str]:
    """Return the argv that creates the disk of a new machine, without a copy."""
    backing = ("-F", "raw", "-b", str(image))
    return ("qemu-img", "create", "-q", "-f", "qcow2", *backing, str(folder.disk))
