"""Debian packages that the host needs to run a bench; installs only the missing ones."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.bench.commands import failure, run
from tests.bench.errors import BenchError

# package -> a program that it contains
PACKAGES: Final = {
    "ca-certificates": "update-ca-certificates",
    "dnsmasq-base": "dnsmasq",
    "iproute2": "ip",
    "mmdebstrap": "mmdebstrap",
    "nftables": "nft",
    "openssl": "openssl",
    "systemd-container": "systemd-nspawn",
    "util-linux": "nsenter",
    "xz-utils": "xz",
    "zstd": "zstd",
}
# in addition, for virtual machines and Azure Files
VM_PACKAGES: Final = (
    *("genisoimage", "openssh-client", "qemu-system-x86", "qemu-utils", "samba", "smbclient"),
)
_POLICY: Final = Path("/usr/sbin/policy-rc.d")
SBIN: Final = "/usr/local/sbin:/usr/sbin:/sbin"


def ensure(more: Sequence[str] = ()) -> list[str]:
    """Install missing packages of these and of `more`; return the ones installed.

    Raises:
        BenchError: not root, no apt-get, or apt failed to install them.
    """
    if os.geteuid() != 0:
        msg = "the bench needs root: it creates namespaces, mounts and containers"
        raise BenchError(msg)
    # a user's PATH, kept by sudo or su, often lacks the sbin directories
    os.environ["PATH"] = f"{os.environ.get('PATH', '/usr/bin:/bin')}:{SBIN}"
    absent = {name for name, program in PACKAGES.items() if not shutil.which(program)}
    absent |= {name for name in more if name not in PACKAGES and not _installed(name)}
    missing = sorted(absent)
    if missing:
        _install(missing)
    return missing


def _installed(package: str) -> bool:
    return run("dpkg-query", "-W", "-f=${db:Status-Status}", package, check=False) == "installed"


def _install(packages: list[str]) -> None:
    if shutil.which("apt-get") is None:
        msg = f"apt-get not found; install these packages and try again: {' '.join(packages)}"
        raise BenchError(msg)
    # the package lists may be recent enough: try before 'apt-get update'
    if _apt_install(packages).returncode == 0:
        return
    run("apt-get", "-o", "APT::Update::Error-Mode=any", "update")
    done = _apt_install(packages)
    if done.returncode != 0:
        raise BenchError(failure(("apt-get", "install", *packages), done.returncode, done.stderr))


def _apt_install(packages: list[str]) -> subprocess.CompletedProcess[str]:
    options = ("-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120")
    with _services_held():
        return _apt_get(options, packages)


@contextmanager
def _services_held() -> Iterator[None]:
    """Keep packages from starting their services: Samba would serve this host's files."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


def _apt_get(options: Sequence[str], packages: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ("apt-get", "install", *options, *packages),
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
