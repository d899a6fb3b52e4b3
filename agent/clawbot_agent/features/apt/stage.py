"""Debian packages: one update, one installation, no service started by it.

The services stay down because docker must first start with our daemon.json and Caddy must
not show its default page; their own stages start them.
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
from clawbot_agent.features.apt.wanted import is_cli_apart, wanted_packages
from clawbot_agent.host import Host

__all__ = ["AptFacts", "AptStage"]

# half-way installed, it is the affair of its own stage: this one must not fail for it
_OPTIONAL: Final = frozenset({"sysbox-ce"})
_TOLD: Final = ("docker.io", "caddy", "cifs-utils")

# invoke-rc.d(8) and deb-systemd-invoke ask this program; 101 means "do not start"
_POLICY: Final = Path("/usr/sbin/policy-rc.d")
_POLICY_MARK: Final = "# clawbot-agent: no service starts while packages are installed"
# it holds for our own calls only: another apt at work meanwhile must be able to start services
_POLICY_TEXT: Final = f'#!/bin/sh\n{_POLICY_MARK}\n[ -z "${{{command.HOLD}:-}}" ] || exit 101\n'


@dataclass(frozen=True, slots=True)
class AptFacts:
    """What dpkg knows and what a killed run may have left.

    Attributes:
        packages: all of them.
        policy_left: our own policy-rc.d is still there.
        timers_left: names of timers that are still held.
        cli_apart: docker's command line is a package of its own here.
    """

    packages: Packages
    policy_left: bool
    timers_left: tuple[str, ...]
    cli_apart: bool = False


@dataclass(frozen=True, slots=True)
class FinishInterrupted:
    """Have dpkg finish what it had begun."""

    packages: tuple[str, ...]

    @property
    def summary(self) -> str:
        """Which packages."""
        what = ", ".join(self.packages) or "its database"
        return f"let dpkg finish what was interrupted ({what})"

    def apply(self, host: Host) -> None:
        """Finish it, without starting services."""
        with _services_held(host):
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
    """Install what is missing, in one transaction."""

    packages: tuple[str, ...]

    @property
    def summary(self) -> str:
        """Which packages."""
        return f"install {', '.join(self.packages)}"

    def apply(self, host: Host) -> None:
        """Install them, without starting services."""
        with _services_held(host):
            command.install(host, self.packages)


@dataclass(frozen=True, slots=True)
class ReleaseTimers:
    """Start timers again that a killed run had stopped."""

    timers: tuple[str, ...]

    @property
    def summary(self) -> str:
        """Which timers."""
        return f"start {', '.join(self.timers)} again (a killed run had stopped them)"

    def apply(self, host: Host) -> None:
        """Start them."""
        command.release_timers(host)


class AptStage(Stage[AptFacts]):
    """Every package that the other stages need."""

    name = "apt"
    title = "Debian packages"
    phase = Phase.BASE
    # a full disk has to be emptied before anything is unpacked
    needs = ("disk-space",)
    locks = frozenset({Resource.DPKG})
    budget = 600
    typical = 60

    def probe(self, host: Host, config: BotConfig) -> AptFacts:
        """Read dpkg's database and look for leftovers."""
        del config
        return AptFacts(
            packages=read_packages(host),
            policy_left=_POLICY_MARK in (host.files.read_text(_POLICY) or ""),
            timers_left=command.held_timers(host),
            cli_apart=is_cli_apart(host.files),
        )

    def plan(self, facts: AptFacts, config: BotConfig) -> Plan:
        """Repair, then install what is missing."""
        wanted = wanted_packages(config, cli_apart=facts.cli_apart)
        packages = facts.packages
        actions: list[Action] = []
        unfinished = tuple(name for name in packages.unfinished() if name not in _OPTIONAL)
        # an unfinished one is installed once dpkg has finished it
        missing = packages.missing(name for name in wanted if name not in unfinished)
        # what is unfinished of others is their affair, unless it keeps ours from being installed
        ours = missing or set(unfinished) & set(wanted)
        if ours and (packages.interrupted or unfinished):
            actions.append(FinishInterrupted(unfinished))
        if missing:
            actions += (UpdateLists(), InstallPackages(missing))
        # an installation takes both over and clears them away itself
        else:
            actions += _leftovers(facts)
        told = ", ".join(f"{name} {packages.version(name)}" for name in _TOLD)
        return Plan(f"{len(wanted)} packages installed ({told}, …)", tuple(actions))


def _leftovers(facts: AptFacts) -> Iterator[Action]:
    if facts.timers_left:
        yield ReleaseTimers(facts.timers_left)
    if facts.policy_left:
        yield RemovePath(_POLICY, "left by a killed run; it keeps services down")


@contextmanager
def _services_held(host: Host) -> Iterator[None]:
    """Refuse service starts, unless somebody else's policy decides about them."""
    found = host.files.read_text(_POLICY)
    if found is not None and _POLICY_MARK not in found:
        yield
        return
    host.files.write(_POLICY, _POLICY_TEXT, mode=0o755)
    try:
        yield
    finally:
        host.files.remove(_POLICY)
