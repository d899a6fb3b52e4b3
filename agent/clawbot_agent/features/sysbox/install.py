"""Bringing the package onto the machine: fetched with its hash, installed wholly or not at all."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.config.machine import SysboxPackage
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import CACHE_DIR
from clawbot_agent.features.apt import command
from clawbot_agent.features.apt.errors import (
    AptMirrorUnreachableError,
    AptPackageNotFoundError,
    DpkgFailedError,
)
from clawbot_agent.features.sysbox.daemon import same_version
from clawbot_agent.features.sysbox.errors import (
    SysboxContainersRunningError,
    SysboxInstallFailedError,
    SysboxKernelError,
    SysboxNoPackageError,
)
from clawbot_agent.host import Host

__all__ = ["PACKAGE", "FetchPackage", "InstallPackage", "RefuseArchitecture", "cached", "deb_path"]

PACKAGE: Final = "sysbox-ce"
_DIGITS: Final = 8
_HASH_SECONDS: Final = 60
# what the package's own scripts print before they give up
_REASONS: Final[tuple[tuple[re.Pattern[str], type[ClawbotError]], ...]] = (
    (re.compile(r"[Uu]nsupported linux kernel|kernel \S+ is too old"), SysboxKernelError),
    (re.compile(r"existing docker containers|has;? containers"), SysboxContainersRunningError),
)


def deb_path(version: str, package: SysboxPackage) -> Path:
    """Where the package is kept between download and installation."""
    return CACHE_DIR / f"{PACKAGE}_{version}_{package.sha256[:_DIGITS]}.deb"


def cached(host: Host, path: Path, package: SysboxPackage) -> bool:
    """Whether the file is there and is the right one."""
    if host.files.stat(path) is None:
        return False
    done = host.run(("sha256sum", "--", str(path)), timeout=_HASH_SECONDS)
    return done.ok and done.stdout.split(" ", 1)[0] == package.sha256.lower()


@dataclass(frozen=True, slots=True)
class FetchPackage:
    """Download the package; it appears only when its hash is right."""

    package: SysboxPackage
    target: Path

    @property
    def summary(self) -> str:
        """From where."""
        return f"download {self.package.url}"

    def apply(self, host: Host) -> None:
        """Download it, and drop other versions and what killed downloads left."""
        for name in host.files.list(CACHE_DIR):
            if name.lstrip(".").startswith(f"{PACKAGE}_"):
                host.files.remove(CACHE_DIR / name)
        host.download(self.package.url, target=self.target, sha256=self.package.sha256)


@dataclass(frozen=True, slots=True)
class InstallPackage:
    """Install the downloaded package with what it depends on.

    Attributes:
        replaces: version that is there now; None when there is none, and then a failed
            installation leaves none.
    """

    version: str
    deb: Path
    replaces: str | None

    @property
    def summary(self) -> str:
        """Which version, and instead of which."""
        instead = f" instead of {self.replaces}" if self.replaces else ""
        return f"install {PACKAGE} {self.version}{instead}"

    def apply(self, host: Host) -> None:
        """Install it.

        Raises:
            SysboxNoPackageError: the file is something else.
            SysboxKernelError, SysboxContainersRunningError: the package refuses.
            SysboxInstallFailedError: any other failure of the package.
            ClawbotError: as of `classify`.
        """
        self._check(host)
        options = ("--allow-downgrades", "--reinstall")
        try:
            try:
                command.install(host, (str(self.deb),), options=options)
            except (AptPackageNotFoundError, AptMirrorUnreachableError):
                # no package lists, or stale ones
                command.update(host)
                command.install(host, (str(self.deb),), options=options)
        except DpkgFailedError as error:
            if self.replaces is None:
                command.purge(host, PACKAGE)
            raise _reason(error.message)(error.message) from error
        host.files.remove(self.deb)

    def _check(self, host: Host) -> None:
        fields = ("Package", "Version")
        done = host.run(("dpkg-deb", "--field", str(self.deb), *fields), timeout=30)
        found = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
        name, version = found.get("Package", "no package"), found.get("Version", "")
        if name != PACKAGE or not same_version(version, self.version):
            msg = f"{self.deb.name} is {name} {version}, not {PACKAGE} {self.version}".strip()
            raise SysboxNoPackageError(msg)


@dataclass(frozen=True, slots=True)
class RefuseArchitecture:
    """Say that there is no package."""

    version: str
    architecture: str

    @property
    def summary(self) -> str:
        """What is missing."""
        return f"install {PACKAGE} {self.version} (no package known for {self.architecture})"

    def apply(self, host: Host) -> None:
        """Refuse.

        Raises:
            SysboxNoPackageError: always.
        """
        del host
        msg = f"no package of Sysbox {self.version} for {self.architecture} is known"
        raise SysboxNoPackageError(msg)


def _reason(text: str) -> type[ClawbotError]:
    return next((kind for told, kind in _REASONS if told.search(text)), SysboxInstallFailedError)
