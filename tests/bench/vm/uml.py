"""User-mode Linux: a kernel that runs as host processes, several times faster than emulation.

For hosts without a working /dev/kvm. It is Debian's kernel of the machines' suite (package user-
mode-linux), with its real CIFS client, ext4, overlayfs, netfilter and control groups. It has one
processor, no firmware and no CD drive: `dmidecode` reads the kernel's command line, and the CD is a
plain disk.

Later suites (7.2) catch system calls by seccomp and are twice as fast, but have no table "nat", and
Docker does not start without one.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench import rootfs
from tests.bench.cache import Cache
from tests.bench.commands import run
from tests.bench.vm.qemu import CHASSIS_TAG, Folder, Hardware

_PACKAGES: Final = ("user-mode-linux", "libgcc-s1")
# packages that the disk needs
DISK_PACKAGES: Final = ("iptables",)
_RECIPE: Final = "1"
_IPTABLES: Final = "/usr/sbin/iptables-legacy"
# its C library is newer than the host's: it is mounted over the host's for this process only
_START: Final = 'mount --bind "$1" /usr/lib/x86_64-linux-gnu; shift; exec "$@"'
_MAPPINGS: Final = Path("/proc/sys/vm/max_map_count")
_ENOUGH_MAPPINGS: Final = 1_048_576
FIRMWARE: Final = """\
#!/bin/sh
# without firmware, dmidecode's values come from the kernel's command line
for word; do
    case $word in --string=*) key=${word#--string=} ;; -*) ;; *) key=$word ;; esac
done
for word in $(cat /proc/cmdline); do
    case $word in "bench.$key="*) echo "${word#*=}" ;; esac
done
"""


@dataclass(frozen=True, slots=True)
class UserMode:
    """The user-mode kernel and the files that it and its disks need.

    Args:
        kernel: the kernel, an executable.
        libraries: directory of its C library.
        modules: the directory whose name is the kernel's version.
    """

    kernel: Path
    libraries: Path
    modules: Path


def build(cache: Cache, *, suite: str) -> UserMode:
    """Return the cached kernel; extract it from the suite's packages (seconds) when it is new."""
    sources = rootfs.apt_sources(rootfs.read_apt_lists(), suite=suite)

    def make(into: Path) -> None:
        run(
            *("unshare", "--mount", "--propagation", "private", "mmdebstrap", "--quiet"),
            *("--variant=extract", "--mode=root", "--format=directory"),
            f"--include={','.join(_PACKAGES)}",
            *(suite, str(into / "root"), "-"),
            stdin=sources,
        )

    root = cache.get("vm-uml", (*_PACKAGES, sources, _RECIPE), make) / "root"
    return UserMode(
        kernel=root / "usr/bin/linux.uml",
        libraries=root / "usr/lib/x86_64-linux-gnu",
        modules=next((root / "usr/lib/uml/modules").iterdir()),
    )


def furnish(root: Path, user_mode: UserMode) -> None:
    """Prepare a disk's file system for this kernel; other kernels can still boot it."""
    target = root / "usr/lib/modules" / user_mode.modules.name
    run("cp", "--archive", str(user_mode.modules), str(target))
    firmware = root / "usr/sbin/dmidecode"
    firmware.write_text(FIRMWARE)
    firmware.chmod(0o755)
    # this kernel has nf_tables, but not for IPv4
    run("chroot", str(root), "update-alternatives", "--set", "iptables", _IPTABLES)


def make_ready(folder: Folder) -> Path:
    """Remove what a power cut left; return the socket that exists while it runs.

    Each page of a program in the machine is a mapping of its host process, and OpenClaw needs more
    than Linux allows by default (65,530): it would be killed. The host keeps the higher limit until
    it reboots.
    """
    shutil.rmtree(folder.running, ignore_errors=True)
    if int(_MAPPINGS.read_text()) < _ENOUGH_MAPPINGS:
        _MAPPINGS.write_text(f"{_ENOUGH_MAPPINGS}\n")
    return folder.running / "mconsole"


def arguments(hardware: Hardware, folder: Folder, *, mac: str, tap: str) -> Sequence[str]:
    """Return the kernel's argv; its console is its standard output.

    Writes to its disk go to a copy-on-write file beside it. A flush in the machine is a flush on
    the host, and data written before it survives when the processes are killed.
    """
    return (
        *("unshare", "--mount", "--propagation", "private"),
        # each system call inside is two process switches: four times slower across processors
        *("taskset", "--cpu-list", str(hardware.number % (os.cpu_count() or 1))),
        *("sh", "-euc", _START, "sh", hardware.libraries, hardware.kernel),
        f"mem={hardware.memory_mb}M",
        *(f"uml_dir={folder.root}/", f"umid={folder.running.name}", "con=null", "con0=null,fd:1"),
        *(f"ubd0={folder.changes},{hardware.image}", f"ubd1r={folder.provisioning}"),
        f"vec0:transport=tap,ifname={tap},mac={mac},gro=1",
        *("root=/dev/ubda", "rw", "quiet", "systemd.ssh_auto=no"),
        f"bench.system-uuid={hardware.uuid}",
        f"bench.chassis-asset-tag={CHASSIS_TAG}",
        "bench.system-manufacturer=Microsoft",
    )
