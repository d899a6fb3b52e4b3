"""Actions of the stage `sysbox`: fetch and install the package, configure the engine, test it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.config.machine import SysboxPackage
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import CACHE_DIR, DAEMON_JSON
from clawbot_agent.features.apt import command
from clawbot_agent.features.apt.errors import (
    AptMirrorUnreachableError,
    AptPackageNotFoundError,
    DpkgFailedError,
)
from clawbot_agent.features.docker import daemon_json
from clawbot_agent.features.sysbox import daemon
from clawbot_agent.features.sysbox.errors import (
    SysboxContainersRunningError,
    SysboxInstallFailedError,
    SysboxKernelError,
    SysboxNoPackageError,
    SysboxRuntimeMissingError,
    SysboxSmokeFailedError,
)
from clawbot_agent.host import Host
from clawbot_agent.host.docker import DockerCallError
from clawbot_agent.records.proof import SMOKE, SmokeRecord

PACKAGE: Final = "sysbox-ce"
# output of the package's own scripts
_REFUSALS: Final[tuple[tuple[str, type[ClawbotError]], ...]] = (
    (r"[Uu]nsupported linux kernel|kernel \S+ is too old", SysboxKernelError),
    (r"existing docker containers|has;? containers", SysboxContainersRunningError),
)
_RELOAD_SECONDS: Final = 10.0
_RELOAD_POLL_SECONDS: Final = 0.1
_IMAGE: Final = "clawbot/smoke:1"
_BUSYBOX: Final = Path("/usr/bin/busybox")
_ARCHIVE: Final = CACHE_DIR / "smoke.tar"
_SMOKE_SECONDS: Final = 60.0
_SHOWN: Final = 400


def smoke_record(version: str, engine: daemon.Engine) -> SmokeRecord:
    """Return the record of a successful test under this engine."""
    return SmokeRecord(sysbox=version, engine=engine.version, kernel=engine.kernel)


@dataclass(frozen=True, slots=True)
class FetchPackage:
    """Download the package; the file appears only with the right hash."""

    package: SysboxPackage
    target: Path

    @property
    def summary(self) -> str:
        """Name the URL."""
        return f"download {self.package.url}"

    def apply(self, host: Host) -> None:
        """Download it; remove other versions and leftovers of killed downloads."""
        for name in host.files.list(CACHE_DIR):
            if name.lstrip(".").startswith(f"{PACKAGE}_"):
                host.files.remove(CACHE_DIR / name)
        host.download(self.package.url, target=self.target, sha256=self.package.sha256)


@dataclass(frozen=True, slots=True)
class InstallPackage:
    """Install the downloaded package with its dependencies.

    Attributes:
        replaces: the installed version; None if there is none, and then a failed installation
            is removed.
    """

    version: str
    deb: Path
    replaces: str | None

    @property
    def summary(self) -> str:
        """Name both versions."""
        replaced = f", replacing {self.replaces}" if self.replaces else ""
        return f"install {PACKAGE} {self.version}{replaced}"

    def apply(self, host: Host) -> None:
        """Install it.

        Raises:
            SysboxNoPackageError: the file is a different package.
            SysboxKernelError, SysboxContainersRunningError: the package's scripts refuse.
            SysboxInstallFailedError: the package fails otherwise.
            ClawbotError: apt-get fails (see `apt.errors.classify`).
        """
        self._check(host)
        options = ("--allow-downgrades", "--reinstall")
        try:
            try:
                command.install(host, (str(self.deb),), options=options)
            except (AptPackageNotFoundError, AptMirrorUnreachableError):
                # the package lists are missing or out of date
                command.update(host)
                command.install(host, (str(self.deb),), options=options)
        except DpkgFailedError as error:
            if self.replaces is None:
                command.purge(host, PACKAGE)
            text = error.message
            kinds = (kind for pattern, kind in _REFUSALS if re.search(pattern, text))
            raise next(kinds, SysboxInstallFailedError)(text) from error
        host.files.remove(self.deb)

    def _check(self, host: Host) -> None:
        fields = ("Package", "Version")
        done = host.run(("dpkg-deb", "--field", str(self.deb), *fields), timeout=30)
        found = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
        name, version = found.get("Package", "no package"), found.get("Version", "")
        if name != PACKAGE or not daemon.same_version(version, self.version):
            msg = f"{self.deb.name}: is {name} {version}, not {PACKAGE} {self.version}"
            raise SysboxNoPackageError(msg)


@dataclass(frozen=True, slots=True)
class ConfigureEngine:
    """Merge Sysbox into daemon.json and reload the engine."""

    version: str
    default: bool | None
    why: str

    @property
    def summary(self) -> str:
        """State the change and the reason."""
        return f"merge {daemon.RUNTIME} into {DAEMON_JSON}, then reload docker ({self.why})"

    def apply(self, host: Host) -> None:
        """Merge and reload; SysboxRuntimeMissingError if that has no effect within 10 s."""
        engine = daemon.engine_of(host.docker.info())
        settings = daemon.Settings.of(default=self.default, version=self.version, engine=engine)
        # read now, not when planned: the package's postinst edits the file too
        text = host.files.read_text(DAEMON_JSON)
        if daemon.differs(text, settings):
            daemon_json.store(host, daemon.merged(text, settings))
        host.units.change("reload", "docker.service")
        until = host.clock.monotonic() + _RELOAD_SECONDS
        # a reload returns before the engine has read the file
        while not self._is_active(daemon.engine_of(host.docker.info())):
            if host.clock.monotonic() >= until:
                msg = f"the engine does not use {daemon.RUNTIME} as {DAEMON_JSON} says"
                raise SysboxRuntimeMissingError(msg)
            host.limit.sleep(_RELOAD_POLL_SECONDS)

    def _is_active(self, engine: daemon.Engine | None) -> bool:
        if engine is None or daemon.RUNTIME not in engine.runtimes:
            return False
        return self.default is None or (engine.default_runtime == daemon.RUNTIME) == self.default


@dataclass(frozen=True, slots=True)
class Smoke:
    """Run a test container with the runtime."""

    version: str
    why: str

    @property
    def summary(self) -> str:
        """State the runtime and the reason."""
        return f"run a test container with --runtime={daemon.RUNTIME} ({self.why})"

    def apply(self, host: Host) -> None:
        """Run it and record its success, or raise SysboxSmokeFailedError."""
        if host.docker.image(_IMAGE) is None:
            _make_image(host)
        config = {
            "Image": _IMAGE,
            "Cmd": ["/busybox", "true"],
            "NetworkDisabled": True,
            "HostConfig": {"Runtime": daemon.RUNTIME, "NetworkMode": "none"},
        }
        try:
            ended = host.docker.run_once(config, timeout=_SMOKE_SECONDS)
        except DockerCallError as error:
            raise SysboxSmokeFailedError(error.message[:_SHOWN]) from error
        if ended.status != 0:
            output = " ".join(ended.output.split())[:_SHOWN]
            msg = f"container with {daemon.RUNTIME}: exit status {ended.status}: {output}"
            raise SysboxSmokeFailedError(msg)
        if engine := daemon.engine_of(host.docker.info()):
            SMOKE.save(host.files, smoke_record(self.version, engine))


def _make_image(host: Host) -> None:
    # busybox is statically linked and thus a complete root file system; no registry is needed
    host.files.mkdir(CACHE_DIR, mode=0o755)
    source = ("--directory", str(_BUSYBOX.parent), "--dereference", _BUSYBOX.name)
    try:
        host.run(("tar", "--create", "--file", str(_ARCHIVE), *source), timeout=30).require()
        host.docker.import_image(_ARCHIVE, tag=_IMAGE)
    finally:
        host.files.remove(_ARCHIVE)
