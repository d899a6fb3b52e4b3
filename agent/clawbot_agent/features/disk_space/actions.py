"""Actions that free space on a local disk. None of them touches the bot data."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.host import Host

JOURNAL_KEPT: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RemoveFiles:
    """Remove files, such as rotated logs."""

    what: str
    sizes: Mapping[Path, int]

    @property
    def summary(self) -> str:
        """Number and size."""
        return f"remove {len(self.sizes)} {self.what}, {megabytes(sum(self.sizes.values()))}"

    def apply(self, host: Host) -> None:
        """Remove them."""
        for path in self.sizes:
            host.files.remove(path)


@dataclass(frozen=True, slots=True)
class CleanApt:
    """Remove the packages that apt has downloaded and installed."""

    size: int

    @property
    def summary(self) -> str:
        """Command and size."""
        return f"apt-get clean, {megabytes(self.size)}"

    def apply(self, host: Host) -> None:
        """Remove them.

        Raises:
            CommandFailedError: another apt process is running.
        """
        host.run(("apt-get", "clean"), timeout=60).require()


@dataclass(frozen=True, slots=True)
class VacuumJournal:
    """Remove the oldest files of the journal."""

    size: int

    @property
    def summary(self) -> str:
        """Size before and after."""
        kept = megabytes(JOURNAL_KEPT)
        return f"shorten the journal, {megabytes(self.size)} of old entries, to {kept}"

    def apply(self, host: Host) -> None:
        """Remove them."""
        argv = ("journalctl", f"--vacuum-size={JOURNAL_KEPT}")
        host.run(argv, timeout=120).require()


@dataclass(frozen=True, slots=True)
class PruneBuildCache:
    """Remove Docker's cache of earlier builds."""

    size: int

    @property
    def summary(self) -> str:
        """Size."""
        return f"empty the build cache, {megabytes(self.size)}"

    def apply(self, host: Host) -> None:
        """Remove it."""
        host.docker.prune_build_cache()


def megabytes(size: int) -> str:
    """Return a size in bytes for a summary."""
    return f"{size / 1e6:.0f} MB"
