"""Sysbox: the runtime that isolates sandboxes better than runc does.

Done means: the package is there in the wanted version, its service runs, the engine lists
the runtime, and a container has run with it.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from clawbot_agent.config.machine import SysboxPackage
from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.paths import DAEMON_JSON
from clawbot_agent.engine.actions import Action, ChangeUnit
from clawbot_agent.engine.stage import Phase, Plan, Resource, Stage
from clawbot_agent.features.apt.packages import Package, read_packages
from clawbot_agent.features.sysbox.daemon import (
    RUNTIME,
    Engine,
    Settings,
    differs,
    engine_of,
    merged,
    same_version,
)
from clawbot_agent.features.sysbox.engine import ConfigureEngine
from clawbot_agent.features.sysbox.install import (
    PACKAGE,
    FetchPackage,
    InstallPackage,
    RefuseArchitecture,
    cached,
    deb_path,
)
from clawbot_agent.features.sysbox.smoke import RECORD, Smoke, smoke_record
from clawbot_agent.host import Host

__all__ = ["SysboxFacts", "SysboxStage"]

_UNIT: Final = "sysbox.service"


@dataclass(frozen=True, slots=True)
class SysboxFacts:
    """How Sysbox is set up.

    Attributes:
        package: as dpkg knows it; None when it does not.
        architecture: the machine's, in Debian's words.
        deb: where the download belongs and whether the right file is there; None when the
            wanted version is installed or has no package for this architecture.
        running, enabled: of sysbox.service.
        daemon_json: text of the file.
        engine: None when it does not run.
        record: of the last smoke run.
    """

    package: Package | None
    architecture: str | None
    deb: tuple[Path, bool] | None
    running: bool
    enabled: bool
    daemon_json: str | None
    engine: Engine | None
    record: str | None


class SysboxStage(Stage[SysboxFacts]):
    """Sysbox is installed, known to the engine, and proved."""

    name = "sysbox"
    title = "Sysbox runtime"
    phase = Phase.BASE
    needs = ("docker",)
    locks = frozenset({Resource.DPKG, Resource.DOCKER_DAEMON})
    budget = 400
    typical = 25

    def skip_reason(self, config: BotConfig) -> str | None:
        """Not wanted by the configuration."""
        return None if config.sysbox.enabled else "sysbox.enabled is false"

    def required(self, config: BotConfig) -> bool:
        """As configured."""
        return config.sysbox.required

    def probe(self, host: Host, config: BotConfig) -> SysboxFacts:
        """Read dpkg, the unit, daemon.json and the running engine."""
        packages = read_packages(host)
        found = packages.known.get(PACKAGE)
        unit = host.units.get(_UNIT)
        engine = engine_of(host.docker.info())
        deb: tuple[Path, bool] | None = None
        wanted = _package(config, packages.architecture)
        if wanted is not None and not _installed(found, config.sysbox.version):
            path = deb_path(config.sysbox.version, wanted)
            deb = (path, cached(host, path, wanted))
        return SysboxFacts(
            package=found,
            architecture=packages.architecture,
            deb=deb,
            running=unit.running,
            enabled=unit.enabled == "enabled",
            daemon_json=host.files.read_text(DAEMON_JSON),
            engine=engine,
            record=host.files.read_text(RECORD),
        )

    def plan(self, facts: SysboxFacts, config: BotConfig) -> Plan:
        """Download, install, make known, prove; only then make it the default."""
        version = config.sysbox.version
        actions: list[Action] = []
        if installing := not _installed(facts.package, version):
            actions += _installation(facts, config)
        if installing or not (facts.running and facts.enabled):
            actions.append(ChangeUnit("enable", _UNIT, "not running"))
        engine = facts.engine
        default = config.sysbox.default_runtime
        known = engine is not None and RUNTIME in engine.runtimes
        # as the default only once it is proved
        settings = Settings.of(default=None, version=version, engine=engine)
        if installing or not known or differs(facts.daemon_json, settings):
            why = "the engine does not know it" if not known else "its entry differs"
            actions.append(ConfigureEngine(version, None, why))
        if installing or facts.record is None or facts.record != smoke_record(version, engine):
            actions.append(Smoke(version, "not proved with this Sysbox, engine and kernel"))
        if _default_differs(facts, settings, default=default):
            why = f"sysbox.default_runtime is {str(default).lower()}"
            actions.append(ConfigureEngine(version, default, why))
        told = f"{PACKAGE} {facts.package.version}" if facts.package else PACKAGE
        return Plan(f"{told} installed and proved", tuple(actions))


def _installed(package: Package | None, version: str) -> bool:
    found = package is not None and package.state == "installed"
    return found and package is not None and same_version(package.version, version)


def _package(config: BotConfig, architecture: str | None) -> SysboxPackage | None:
    try:
        return config.sysbox.package(architecture or "")
    except KeyError:
        return None


def _installation(facts: SysboxFacts, config: BotConfig) -> tuple[Action, ...]:
    version = config.sysbox.version
    package = _package(config, facts.architecture)
    if package is None or facts.deb is None:
        return (RefuseArchitecture(version, facts.architecture or "an unknown architecture"),)
    path, there = facts.deb
    found = facts.package
    replaces = found.version if found is not None and found.state == "installed" else None
    fetch = () if there else (FetchPackage(package, path),)
    return (*fetch, InstallPackage(version, path, replaces))


def _default_differs(facts: SysboxFacts, settings: Settings, *, default: bool) -> bool:
    if (facts.engine is not None and facts.engine.default_runtime == RUNTIME) != default:
        return True
    # what the engine would read when it starts next
    return differs(merged(facts.daemon_json, settings), replace(settings, default=default))
