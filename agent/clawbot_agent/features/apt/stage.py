"""Debian packages: one update, one installation, no service started by either.

Services stay down because docker must start for the first time with the agent's daemon.json, and
Caddy must not serve its default page; their own stages start them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.engine.actions import Action, RemovePath
from clawbot_agent.engine.stage import Phase, Plan, Resource, Stage
from clawbot_agent.features.apt import command
from clawbot_agent.features.apt.packages import Packages, read_packages
from clawbot_agent.host import Host
from clawbot_agent.host.files import Files

_PACKAGES: Final = (
    *("busybox-static", "ca-certificates", "caddy", "cifs-utils", "curl", "docker.io"),
    *("e2fsprogs", "iproute2", "iptables", "jq", "keyutils", "kmod"),
)
_DOCKER_CLI: Final = "docker-cli"
# dependencies of sysbox-ce: installed here they cost no transaction of their own
_SYSBOX_PACKAGES: Final = ("fuse3", "lsb-release", "rsync")
# belongs to its own stage; half-installed it must not fail this one
_OPTIONAL: Final = frozenset({"sysbox-ce"})
_SHOWN: Final = ("docker.io", "caddy", "cifs-utils")
_OS_RELEASE: Final = Path("/etc/os-release")
# Debian 13 moved `docker` out of docker.io; Ubuntu did not
_SEPARATE_CLI_SINCE: Final = 13

# invoke-rc.d(8) and deb-systemd-invoke call this program; exit status 101 means "do not start"
_POLICY: Final = Path("/usr/sbin/policy-rc.d")
_POLICY_MARK: Final = "# clawbot-agent: no service starts while packages are installed"
# applies to the agent's calls only: a concurrent apt must still be able to start services
_POLICY_TEXT: Final = f'#!/bin/sh\n{_POLICY_MARK}\n[ -z "${{{command.HOLD}:-}}" ] || exit 101\n'


@dataclass(frozen=True, slots=True)
class AptFacts:
    """The state of dpkg, and leftovers of a killed run.

    Attributes:
        packages: all that dpkg knows.
        policy_left: the agent's policy-rc.d still exists.
        timers_left: names of timers that are still stopped.
        separate_cli: the docker command is a package of its own in this distribution.
    """

    packages: Packages
    policy_left: bool
    timers_left: tuple[str, ...]
    separate_cli: bool = False


class AptStage(Stage[AptFacts]):
    """Every package that the other stages need."""

    name = "apt"
    title = "Debian packages"
    phase = Phase.BASE
    # packages cannot be unpacked on a full disk
    needs = ("disk-space",)
    locks = frozenset({Resource.DPKG})
    budget = 600
    typical = 60

    def probe(self, host: Host, config: BotConfig) -> AptFacts:
        """Read dpkg's database and find leftovers."""
        del config
        return AptFacts(
            packages=read_packages(host),
            policy_left=_POLICY_MARK in (host.files.read_text(_POLICY) or ""),
            timers_left=command.stopped_timers(host),
            separate_cli=_has_separate_cli(host.files),
        )

    def plan(self, facts: AptFacts, config: BotConfig) -> Plan:
        """Finish interrupted installations, then install what is missing."""
        wanted = (
            *_PACKAGES,
            *((_DOCKER_CLI,) if facts.separate_cli else ()),
            *(_SYSBOX_PACKAGES if config.sysbox.enabled else ()),
        )
        packages = facts.packages
        actions: list[Action] = []
        unfinished = tuple(name for name in packages.unfinished() if name not in _OPTIONAL)
        # an unfinished package is installed once dpkg has finished it
        missing = packages.missing(name for name in wanted if name not in unfinished)
        # unfinished packages of other origin matter only if they block an installation
        ours = missing or set(unfinished) & set(wanted)
        if ours and (packages.interrupted or unfinished):
            actions.append(FinishInterrupted(unfinished))
        if missing:
            # an installation also clears the leftovers
            actions += (UpdateLists(), InstallPackages(missing))
        else:
            if facts.timers_left:
                actions.append(StartTimers(facts.timers_left))
            if facts.policy_left:
                actions.append(RemovePath(_POLICY, "left by a killed run; blocks service starts"))
        shown = ", ".join(f"{name} {packages.version(name)}" for name in _SHOWN)
        return Plan(f"{len(wanted)} packages installed ({shown}, …)", tuple(actions))


@dataclass(frozen=True, slots=True)
class FinishInterrupted:
    """Finish interrupted installations with dpkg."""

    packages: tuple[str, ...]

    @property
    def summary(self) -> str:
        """Name the packages."""
        subject = ", ".join(self.packages) or "dpkg's database"
        return f"finish an interrupted installation ({subject})"

    def apply(self, host: Host) -> None:
        """Run dpkg without starting services."""
        with _no_service_starts(host):
            command.configure(host)


@dataclass(frozen=True, slots=True)
class UpdateLists:
    """Fetch the package lists."""

    summary: str = "update the package lists"

    def apply(self, host: Host) -> None:
        """Fetch them."""
        command.update(host)


@dataclass(frozen=True, slots=True)
class InstallPackages:
    """Install missing packages in one transaction."""

    packages: tuple[str, ...]

    @property
    def summary(self) -> str:
        """Name the packages."""
        return f"install {', '.join(self.packages)}"

    def apply(self, host: Host) -> None:
        """Install them without starting services."""
        with _no_service_starts(host):
            command.install(host, self.packages)


@dataclass(frozen=True, slots=True)
class StartTimers:
    """Start the timers that a killed run left stopped."""

    timers: tuple[str, ...]

    @property
    def summary(self) -> str:
        """Name the timers."""
        return f"start {', '.join(self.timers)} (left stopped by a killed run)"

    def apply(self, host: Host) -> None:
        """Start them."""
        command.start_timers(host)


@contextmanager
def _no_service_starts(host: Host) -> Iterator[None]:
    """Block service starts, unless the operator's own policy-rc.d decides about them."""
    found = host.files.read_text(_POLICY)
    if found is not None and _POLICY_MARK not in found:
        yield
        return
    host.files.write(_POLICY, _POLICY_TEXT, mode=0o755)
    try:
        yield
    finally:
        host.files.remove(_POLICY)


def _has_separate_cli(files: Files) -> bool:
    """Return whether this distribution has the docker command in a package of its own."""
    pairs = (line.partition("=") for line in (files.read_text(_OS_RELEASE) or "").splitlines())
    found = {key: value.strip("\"'") for key, _, value in pairs}
    number = found.get("VERSION_ID", "")
    # Debian testing and unstable have no number
    is_new = not number.isdigit() or int(number) >= _SEPARATE_CLI_SINCE
    return found.get("ID") == "debian" and is_new
