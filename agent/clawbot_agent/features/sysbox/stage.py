"""Sysbox: a container runtime that isolates sandboxes better than runc.

The stage is done when the wanted version is installed, its service runs, the engine lists the
runtime, and a test container has run with it.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from clawbot_agent.config.machine import SysboxPackage
from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.paths import CACHE_DIR, DAEMON_JSON
from clawbot_agent.engine.actions import Action, ChangeUnit, Refuse
from clawbot_agent.engine.stage import Phase, Plan, Resource, Stage
from clawbot_agent.features.apt.packages import Package, read_packages
from clawbot_agent.features.sysbox import daemon
from clawbot_agent.features.sysbox.actions import (
    PACKAGE,
    ConfigureEngine,
    FetchPackage,
    InstallPackage,
    Smoke,
    smoke_record,
)
from clawbot_agent.features.sysbox.errors import SysboxNoPackageError
from clawbot_agent.host import Host
from clawbot_agent.records.proof import SMOKE, SmokeRecord

_UNIT: Final = "sysbox.service"
_SHOWN_DIGITS: Final = 8
_HASH_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class SysboxFacts:
    """The state of Sysbox.

    Attributes:
        package: as dpkg knows it, if it does.
        architecture: the machine's, in Debian's terms.
        deb: path of the download and whether the right file is there; None if the wanted
            version is installed or has no package for this architecture.
        running, enabled: of sysbox.service.
        daemon_json: text of the file.
        engine: None if it does not run.
        record: of the last test.
    """

    package: Package | None
    architecture: str | None
    deb: tuple[Path, bool] | None
    running: bool
    enabled: bool
    daemon_json: str | None
    engine: daemon.Engine | None
    record: SmokeRecord | None

    @property
    def version(self) -> str | None:
        """Version of the completely installed package."""
        package = self.package
        return package.version if package and package.state == "installed" else None


class SysboxStage(Stage[SysboxFacts]):
    """Sysbox is installed, known to the engine, and tested."""

    name = "sysbox"
    title = "Sysbox runtime"
    phase = Phase.BASE
    needs = ("docker",)
    locks = frozenset({Resource.DPKG, Resource.DOCKER_DAEMON})
    budget = 400
    typical = 25

    def skip_reason(self, config: BotConfig) -> str | None:
        """Skip the stage when the configuration disables it."""
        return None if config.sysbox.enabled else "sysbox.enabled is false"

    def required(self, config: BotConfig) -> bool:
        """Follow the configuration."""
        return config.sysbox.required

    def probe(self, host: Host, config: BotConfig) -> SysboxFacts:
        """Read dpkg, the unit, daemon.json and the running engine."""
        packages = read_packages(host)
        unit = host.units.get(_UNIT)
        facts = SysboxFacts(
            package=packages.known.get(PACKAGE),
            architecture=packages.architecture,
            deb=None,
            running=unit.running,
            enabled=unit.enabled == "enabled",
            daemon_json=host.files.read_text(DAEMON_JSON),
            engine=daemon.engine_of(host.docker.info()),
            record=SMOKE.load(host.files),
        )
        version = config.sysbox.version
        wanted = _package(config, facts.architecture)
        if wanted is None or _installed(facts, version):
            return facts
        path = CACHE_DIR / f"{PACKAGE}_{version}_{wanted.sha256[:_SHOWN_DIGITS]}.deb"
        return replace(facts, deb=(path, _has_hash(host, path, wanted.sha256)))

    def plan(self, facts: SysboxFacts, config: BotConfig) -> Plan:
        """Download, install, configure and test it; make it the default only after the test."""
        version = config.sysbox.version
        actions: list[Action] = []
        if installing := not _installed(facts, version):
            actions += _installation(facts, config)
        if installing or not (facts.running and facts.enabled):
            actions.append(ChangeUnit("enable", _UNIT, "not running"))
        engine = facts.engine
        default = config.sysbox.default_runtime
        known = engine is not None and daemon.RUNTIME in engine.runtimes
        settings = daemon.Settings.of(default=None, version=version, engine=engine)
        if installing or not known or daemon.differs(facts.daemon_json, settings):
            why = "its entry differs" if known else "the engine does not list it"
            actions.append(ConfigureEngine(version, None, why))
        if installing or engine is None or facts.record != smoke_record(version, engine):
            actions.append(Smoke(version, "not tested with this Sysbox, engine and kernel"))
        if _default_differs(facts, settings, default=default):
            why = f"sysbox.default_runtime is {str(default).lower()}"
            actions.append(ConfigureEngine(version, default, why))
        return Plan(f"{PACKAGE} {facts.version or version} installed and tested", tuple(actions))


def _installed(facts: SysboxFacts, version: str) -> bool:
    return facts.version is not None and daemon.same_version(facts.version, version)


def _package(config: BotConfig, architecture: str | None) -> SysboxPackage | None:
    try:
        return config.sysbox.package(architecture or "")
    except KeyError:
        return None


def _has_hash(host: Host, path: Path, sha256: str) -> bool:
    if host.files.stat(path) is None:
        return False
    done = host.run(("sha256sum", "--", str(path)), timeout=_HASH_SECONDS)
    return done.ok and done.stdout.split(" ", 1)[0] == sha256.lower()


def _installation(facts: SysboxFacts, config: BotConfig) -> tuple[Action, ...]:
    version = config.sysbox.version
    package = _package(config, facts.architecture)
    if package is None or facts.deb is None:
        name = f"{PACKAGE} {version}"
        problem = f"no package known for {facts.architecture or 'an unknown architecture'}"
        return (Refuse(f"install {name} ({problem})", SysboxNoPackageError, f"{name}: {problem}"),)
    path, fetched = facts.deb
    install = InstallPackage(version, path, facts.version)
    return (install,) if fetched else (FetchPackage(package, path), install)


def _default_differs(facts: SysboxFacts, settings: daemon.Settings, *, default: bool) -> bool:
    if (facts.engine is not None and facts.engine.default_runtime == daemon.RUNTIME) != default:
        return True
    # what the engine would read at its next start
    return daemon.differs(
        daemon.merged(facts.daemon_json, settings), replace(settings, default=default)
    )
