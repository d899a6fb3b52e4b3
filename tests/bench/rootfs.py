"""The root file system of a bare instance: Debian 12 with systemd, without the product."""

import os
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench import trust
from tests.bench.cache import Cache
from tests.bench.commands import run
from tests.bench.errors import BenchError

SUITE: Final = "bookworm"
# only packages that an Ubuntu server cloud image contains too
PACKAGES: Final = (
    *("systemd", "systemd-sysv", "dbus", "udev", "libpam-systemd", "kmod", "procps", "psmisc"),
    *("ca-certificates", "python3", "gnupg", "openssl", "sudo", "less", "file", "lsof"),
    *("iproute2", "iputils-ping", "netbase", "tzdata", "lsb-release", "e2fsprogs", "xz-utils"),
)
KEYRING: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"
_POCKETS: Final = ("", "-updates", "-security")
# nspawn mounts the version 1 hierarchies read-only; container managers inside must write to them
CGROUP_UNIT: Final = """\
[Unit]
Description=Make the control groups of this machine writable
DefaultDependencies=no
Before=sysinit.target
ConditionPathIsDirectory=/sys/fs/cgroup/systemd

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'for d in /sys/fs/cgroup /sys/fs/cgroup/*/; do \
mountpoint -q "$d" && mount -o remount,bind,rw "$d"; done; true'

[Install]
WantedBy=sysinit.target
"""


def build(cache: Cache) -> Path:
    """Return the cached root file system; build it when its inputs have changed.

    The inputs include the week, so that security updates are at most a week old.
    """
    sources = apt_sources(read_apt_lists())
    inputs = (
        *PACKAGES,
        sources,
        CGROUP_UNIT,
        trust.host_digest(),
        time.strftime("%G-%V", time.gmtime()),
        "2",
    )
    return cache.get("rootfs", inputs, lambda target: _build(target / "root", sources)) / "root"


def read_apt_lists() -> str:
    """Return the text of all apt sources of the host, in both formats."""
    places = (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*")))
    return "\n\n".join(path.read_text() for path in places if path.is_file())


def apt_sources(host_lists: str, *, suite: str = SUITE) -> str:
    """Return a sources.list for a machine of this suite, with the host's mirrors of Debian.

    Raises:
        BenchError: a mirror is missing, as on a distribution other than Debian.
    """
    mirrors: dict[str, str] = {}
    for uri, suites in _entries(host_lists):
        mirrors |= {name: uri for name in suites if "debian" in uri}
    if missing := [SUITE + pocket for pocket in _POCKETS if SUITE + pocket not in mirrors]:
        msg = f"the host's apt sources have no mirror for Debian {', '.join(missing)}"
        raise BenchError(msg)
    # without a named keyring mmdebstrap would copy the host's list of keys into the machine
    return "".join(
        f"deb [signed-by={KEYRING}] {mirrors[SUITE + pocket]} {suite}{pocket} main\n"
        for pocket in _POCKETS
    )


def _entries(host_lists: str) -> list[tuple[str, list[str]]]:
    entries = []
    for stanza in re.split(r"\n\s*\n", host_lists):
        fields = dict(re.findall(r"^(URIs|Suites|Types):[ \t]*(.+)$", stanza, re.MULTILINE))
        if "deb" in fields.get("Types", "").split():
            entries += [(uri, fields["Suites"].split()) for uri in fields["URIs"].split()]
        one_line = re.findall(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)", stanza, re.MULTILINE)
        entries += [(uri, [suite]) for uri, suite in one_line]
    return entries


def _build(root: Path, sources: str) -> None:
    debootstrap(root, suite=SUITE, packages=PACKAGES, sources=sources)
    _configure(root, sources)
    trust.install_host_certificates(root)


def debootstrap(root: Path, *, suite: str, packages: Sequence[str], sources: str) -> None:
    """Install these packages into a new tree without starting their services."""
    # a separate mount namespace: mounts disappear with it, even when mmdebstrap is killed
    run(
        *("unshare", "--mount", "--propagation", "private", "mmdebstrap", "--quiet"),
        *("--variant=minbase", "--mode=root", "--format=directory", "--skip=cleanup/tmp"),
        f"--include={','.join(packages)}",
        '--aptopt=Acquire::Languages "none"',
        "--dpkgopt=force-unsafe-io",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        *(suite, str(root), "-"),
        stdin=sources,
    )
    _strip(root)


def _strip(root: Path) -> None:
    """Remove build files that a bare instance would not have."""
    for path in ("etc/dpkg/dpkg.cfg.d/99mmdebstrap", "etc/apt/apt.conf.d/99mmdebstrap"):
        (root / path).unlink(missing_ok=True)
    for name in ("apt/lists", "cache/apt/archives"):
        for left in (root / "var" / name).glob("*.*"):
            left.unlink()
    shutil.rmtree(root / "var/cache/man", ignore_errors=True)


def _configure(root: Path, sources: str) -> None:
    files = {
        "etc/apt/sources.list": sources,
        "etc/environment": "LANG=C.UTF-8\n",
        "etc/pip.conf": f"[global]\ncert = /{trust.BUNDLE}\n",
        "etc/machine-id": "",
        "etc/fstab": "",
        "etc/systemd/system/bench-cgroups.service": CGROUP_UNIT,
    }
    for path, text in files.items():
        (root / path).write_text(text)
    wants = root / "etc/systemd/system/sysinit.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "bench-cgroups.service").symlink_to("/etc/systemd/system/bench-cgroups.service")
    (root / "var/log/journal").mkdir(exist_ok=True)
    # the host configures the network interface
    for unit in ("systemd-networkd.service", "systemd-networkd-wait-online.service"):
        mask = root / "etc/systemd/system" / unit
        if not os.path.lexists(mask):
            mask.symlink_to("/dev/null")
