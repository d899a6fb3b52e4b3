"""The disk of a bare virtual machine: Debian 13 with cloud-init, without the product.

No partitions and no boot loader: QEMU boots a copy of the disk's kernel.
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
from tests.bench.vm import uml
from tests.bench.vm.uml import UserMode

SUITE: Final = "trixie"
# only packages that an Ubuntu server cloud image contains too
PACKAGES: Final = (
    *rootfs.PACKAGES,
    *("cloud-init", "cloud-guest-utils", "curl", "dhcpcd-base", "initramfs-tools"),
    *("linux-image-cloud-amd64", "netplan.io", "openssh-server", "systemd-resolved"),
)
# unpacking a generic initrd with all drivers takes seconds of an emulated boot
_INITRD: Final = {
    "etc/initramfs-tools/conf.d/bench.conf": "MODULES=list\nCOMPRESS=lz4\nRESUME=none\n",
    "etc/initramfs-tools/modules": "virtio_pci\nvirtio_blk\nvirtio_net\next4\nata_piix\nsr_mod\n",
}
# in separate namespaces: its mounts and processes disappear with it, even when it is killed
_LOAD: Final = """\
root=$1; shift
# Docker changes the mount propagation of its root directory, which must be a mount point
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs run "$root/run"
chroot "$root" dockerd --bridge=none --iptables=false --ip-forward=false --pidfile=/run/d.pid \
    >"$root/run/d.log" 2>&1 &
daemon=$!
tries=0
until chroot "$root" docker version >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || { tail -n 20 "$root/run/d.log" >&2; exit 1; }
    sleep 0.2
done
for image; do zstd -dc "$image" | chroot "$root" docker load --quiet; done
kill "$daemon"
wait "$daemon" || true
"""
_SIZE: Final = "16G"
_RECIPE: Final = "2"


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk image and the kernel that boots it.

    Args:
        image: raw, sparse, read-only.
        kernel: copied from the disk.
        initrd: copied from the disk.
        user_mode: boots it instead of the kernel, if set.
    """

    image: Path
    kernel: Path
    initrd: Path
    user_mode: UserMode | None = None


@dataclass(frozen=True, slots=True)
class Trusted:
    """The key and the certificate authority that a disk trusts.

    Args:
        authority: certificate (PEM) of the bench's certificate authority.
        ssh_key: public key for root logins by the bench; Azure has no such key.
    """

    authority: Path
    ssh_key: Path


@dataclass(frozen=True, slots=True)
class Bake:
    """What is baked into a disk.

    Args:
        packages: Debian packages.
        images: archives (`docker save`, zstd) of container images; require Docker's packages.
        user_mode: the kernel whose modules are installed in addition.
    """

    packages: Sequence[str] = ()
    images: Sequence[Path] = ()
    user_mode: UserMode | None = None


def build(cache: Cache, trusted: Trusted, bake: Bake) -> Disk:
    """Return the cached disk; build it (about a minute) when its inputs have changed.

    Args:
        cache: the bench's cache.
        trusted: the certificate and the key to install.
        bake: what to add to the bare system.

    The inputs include the week, so that security updates are at most a week old.
    """
    sources = rootfs.apt_sources(rootfs.read_apt_lists(), suite=SUITE)
    more = uml.DISK_PACKAGES if bake.user_mode else ()
    packages = (*PACKAGES, *sorted({*bake.packages, *more}))
    inputs = (
        *packages,
        sources,
        *_INITRD.values(),
        trusted.authority.read_text(),
        trusted.ssh_key.read_text(),
        trust.host_digest(),
        time.strftime("%G-%V", time.gmtime()),
        *(f"{path.name} {path.stat().st_size}" for path in bake.images),
        _RECIPE,
        *((str(bake.user_mode.modules),) if bake.user_mode else ()),
    )

    def make(into: Path) -> None:
        root = into / "root"
        rootfs.debootstrap(root, suite=SUITE, packages=packages, sources=sources)
        _configure(root, sources, trusted)
        if bake.images:
            _load(root, bake.images)
        _finish(into, root, bake.user_mode)

    made = cache.get("vm-disk", inputs, make)
    return Disk(made / "disk.raw", made / "vmlinuz", made / "initrd.img", bake.user_mode)


def _load(root: Path, images: Sequence[Path]) -> None:
    """Load the images with the disk's own Docker, at this host's speed."""
    run(
        *("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"),
        *("--propagation", "private", "sh", "-euc", _LOAD, "sh", str(root), *map(str, images)),
    )


def _finish(target: Path, root: Path, user_mode: UserMode | None) -> None:
    run("chroot", str(root), "update-initramfs", "-u")
    for name in ("vmlinuz", "initrd.img"):
        built = next((root / "boot").glob(f"{name}-*"))
        shutil.copyfile(built, target / name)
    if user_mode:
        # only now: an initrd is built for the newest kernel in the tree
        uml.furnish(root, user_mode)
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
        # as in Ubuntu's build; Debian's systemd-resolved listens on the local network
        "etc/systemd/resolved.conf.d/ubuntu.conf": "[Resolve]\nLLMNR=no\nMulticastDNS=no\n",
        "root/.ssh/authorized_keys": trusted.ssh_key.read_text(),
        **_INITRD,
    }
    (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "root/.ssh/authorized_keys").chmod(0o600)
    (root / "var/log/journal").mkdir(exist_ok=True)
    resolver = root / "etc/resolv.conf"
    resolver.unlink(missing_ok=True)
    resolver.symlink_to("../run/systemd/resolve/stub-resolv.conf")
    # every machine generates its own
    for made in (*(root / "etc/ssh").glob("ssh_host_*"), root / "etc/hostname"):
        made.unlink(missing_ok=True)
    trust.install_host_certificates(root)
    trust.install(root, trusted.authority, name="bench-ca")
