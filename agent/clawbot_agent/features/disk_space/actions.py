"""Actions that free space on a local disk. None of them touches the bot data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from clawbot_agent.host import Host

JOURNAL_KEPT: Final = 64 * 1024 * 1024


class Removal(Protocol):
    """An action that frees space (see `engine.actions.Action`)."""

    @property
    def places(self) -> tuple[Path, ...]:
        """Paths of which at least one is on the disk that gains space."""
        ...

    @property
    def summary(self) -> str:
        """What is removed."""
        ...

    def apply(self, host: Host) -> None:
        """Remove it."""
        ...


@dataclass(frozen=True, slots=True)
class RemoveFiles:
    """Remove files, such as rotated logs."""

    what: str
    paths: tuple[Path, ...]
    size: int

    @property
    def places(self) -> tuple[Path, ...]:
        """The first file."""
        return self.paths[:1]

    @property
    def summary(self) -> str:
        """Number and size."""
        return f"remove {len(self.paths)} {self.what}, {_megabytes(self.size)}"

    def apply(self, host: Host) -> None:
        """Remove them."""
        for path in self.paths:
            host.files.remove(path)


@dataclass(frozen=True, slots=True)
class CleanApt:
    """Remove the packages that apt has downloaded and installed."""

    place: Path
    size: int

    @property
    def places(self) -> tuple[Path, ...]:
        """Apt's cache."""
        return (self.place,)

    @property
    def summary(self) -> str:
        """Command and size."""
        return f"apt-get clean, {_megabytes(self.size)}"

    def apply(self, host: Host) -> None:
        """Remove them.

        Raises:
            CommandFailedError: another apt process is running.
        """
        host.run(("apt-get", "clean"), timeout=60).require()


@dataclass(frozen=True, slots=True)
class VacuumJournal:
    """Remove the oldest files of the journal."""

    place: Path
    size: int

    @property
    def places(self) -> tuple[Path, ...]:
        """The journal's directory."""
        return (self.place,)

    @property
    def summary(self) -> str:
        """Size before and after."""
        kept = _megabytes(JOURNAL_KEPT)
        return f"shorten the journal, {_megabytes(self.size)} of old entries, to {kept}"

    def apply(self, host: Host) -> None:
        """Remove them."""
        argv = ("journalctl", f"--vacuum-size={JOURNAL_KEPT}")
        host.run(argv, timeout=120).require()


@dataclass(frozen=True, slots=True)
class RemoveUnusedImage:
    """Remove a container image that no container uses and no stage needs."""

    reference: str
    size: int
    places: tuple[Path, ...]

    @property
    def summary(self) -> str:
        """Which."""
        return f"remove image {self.reference}, {_megabytes(self.size)} (not in use)"

    def apply(self, host: Host) -> None:
        """Remove it."""
        host.docker.remove_image(self.reference)


@dataclass(frozen=True, slots=True)
class PruneBuildCache:
    """Remove Docker's cache of earlier builds."""

    size: int
    places: tuple[Path, ...]

    @property
    def summary(self) -> str:
        """Size."""
        return f"empty the build cache, {_megabytes(self.size)}"

    def apply(self, host: Host) -> None:
        """Remove it."""
        host.docker.prune_build_cache()


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
