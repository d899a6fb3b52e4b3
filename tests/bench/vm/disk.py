"""The disk of a bare virtual machine: Debian 13 with cloud-init, and nothing of the product.

No partitions and no boot loader: QEMU starts the disk's own kernel, which lies beside it.
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench import rootfs, trust
from tests.bench.cache import Cache
from tests.bench.commands import run

SUITE: Final = "trixie"
# what an Ubuntu server cloud image also brings along, and no more
PACKAGES: Final = (
    *rootfs.PACKAGES,
    *("cloud-init", "cloud-guest-utils", "curl", "dhcpcd-base", "initramfs-tools"),
    *("linux-image-cloud-amd64", "netplan.io", "openssh-server", "systemd-resolved"),
)
# the usual initrd holds a driver for everything: unpacking it is seconds of an emulated boot
_INITRD: Final = {
    "etc/initramfs-tools/conf.d/bench.conf": "MODULES=list\nCOMPRESS=lz4\nRESUME=none\n",
    "etc/initramfs-tools/modules": "virtio_pci\nvirtio_blk\nvirtio_net\next4\nata_piix\nsr_mod\n",
}
_SIZE: Final = "16G"
_RECIPE: Final = "1"


@dataclass(frozen=True, slots=True)
class Disk:
    """A built disk: the image (raw, sparse, never written to again), its kernel and its initrd."""

    image: Path
    kernel: Path
    initrd: Path


@dataclass(frozen=True, slots=True)
class Trusted:
    """Who gets in and whom it believes.

    Args:
        authority: certificate (PEM) of the bench's certificate authority.
        ssh_key: public key that may log in as root: the bench's own door, not Azure's.
    """

    authority: Path
    ssh_key: Path


def build(cache: Cache, trusted: Trusted, extra_packages: Sequence[str] = ()) -> Disk:
    """Return the cached disk, building it (about a minute) when its inputs changed.

    Args:
        cache: where disks are kept.
        trusted: the certificate and the key that go into it.
        extra_packages: Debian packages to have in it from the start, as an image bake would.

    The inputs hold the week, so that a machine never starts with security updates older than that.
    """
    sources = rootfs.apt_sources(rootfs.read_apt_lists(), suite=SUITE)
    packages = (*PACKAGES, *sorted(set(extra_packages)))
    inputs = (
        *packages,
        sources,
        *_INITRD.values(),
        trusted.authority.read_text(),
        trusted.ssh_key.read_text(),
        trust.host_digest(),
        time.strftime("%G-%V", time.gmtime()),
        _RECIPE,
    )
    made = cache.get("vm-disk", inputs, lambda into: _build(into, sources, packages, trusted))
    return Disk(made / "disk.raw", made / "vmlinuz", made / "initrd.img")


def _build(target: Path, sources: str, packages: Sequence[str], trusted: Trusted) -> None:
    root = target / "root"
    rootfs.debootstrap(root, suite=SUITE, packages=packages, sources=sources)
    _configure(root, sources, trusted)
    run("chroot", str(root), "update-initramfs", "-u")
    for name in ("vmlinuz", "initrd.img"):
        built = next((root / "boot").glob(f"{name}-*"))
        shutil.copyfile(built, target / name)
    image = target / "disk.raw"
    run("mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", str(root), str(image), _SIZE)
    shutil.rmtree(root)


def _configure(root: Path, sources: str, trusted: Trusted) -> None:
    files = {
        "etc/apt/sources.list": sources,
        "etc/environment": "LANG=C.UTF-8\n",
        "etc/pip.conf": f"[global]\ncert = /{trust.BUNDLE}\n",
        "etc/machine-id": "",
        "etc/fstab": "LABEL=root / ext4 defaults 0 1\n",
        "root/.ssh/authorized_keys": trusted.ssh_key.read_text(),
        **_INITRD,
    }
    (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    for path, text in files.items():
        (root / path).write_text(text)
    (root / "root/.ssh/authorized_keys").chmod(0o600)
    (root / "var/log/journal").mkdir(exist_ok=True)
    resolver = root / "etc/resolv.conf"
    resolver.unlink(missing_ok=True)
    resolver.symlink_to("../run/systemd/resolve/stub-resolv.conf")
    # every machine makes its own
    for made in (*(root / "etc/ssh").glob("ssh_host_*"), root / "etc/hostname"):
        made.unlink(missing_ok=True)
    trust.install_host_certificates(root)
    trust.install(root, trusted.authority, name="bench-ca")
