"""What may be removed when a disk fills, and how. Nothing in here is the bot's state."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from clawbot_agent.host import Host

__all__ = [
    "CleanApt",
    "PruneBuildCache",
    "Removable",
    "RemoveFiles",
    "RemoveUnusedImage",
    "VacuumJournal",
]

_MEGA: Final = 1e6
JOURNAL_KEPT: Final = 64 * 1024 * 1024


class Removable(Protocol):
    """An action that makes room (see `actions.Action`)."""

    @property
    def places(self) -> tuple[Path, ...]:
        """Where it makes room; any of them."""
        ...

    @property
    def summary(self) -> str:
        """What goes."""
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
        """Of the files."""
        return self.paths[:1]

    @property
    def summary(self) -> str:
        """How many and how large."""
        return f"remove {len(self.paths)} {self.what}, {self.size / _MEGA:.0f} MB"

    def apply(self, host: Host) -> None:
        """Remove them."""
        for path in self.paths:
            host.files.remove(path)


@dataclass(frozen=True, slots=True)
class CleanApt:
    """Have apt forget the packages that it fetched and installed."""

    place: Path
    size: int

    @property
    def places(self) -> tuple[Path, ...]:
        """Its cache."""
        return (self.place,)

    @property
    def summary(self) -> str:
        """How large."""
        return f"apt-get clean, {self.size / _MEGA:.0f} MB"

    def apply(self, host: Host) -> None:
        """Remove them.

        Raises:
            CommandFailedError: another apt is at work.
        """
        host.run(("apt-get", "clean"), timeout=60).require()


@dataclass(frozen=True, slots=True)
class VacuumJournal:
    """Have the journal keep less of what is old."""

    place: Path
    size: int

    @property
    def places(self) -> tuple[Path, ...]:
        """The journal's."""
        return (self.place,)

    @property
    def summary(self) -> str:
        """How much there is, and how much stays."""
        kept = JOURNAL_KEPT / _MEGA
        return f"shorten the journal, {self.size / _MEGA:.0f} MB of old entries, to {kept:.0f} MB"

    def apply(self, host: Host) -> None:
        """Remove the oldest files of the journal."""
        argv = ("journalctl", f"--vacuum-size={JOURNAL_KEPT}")
        host.run(argv, timeout=120).require()


@dataclass(frozen=True, slots=True)
class RemoveUnusedImage:
    """Remove an image that no container was made from and that nothing wants."""

    reference: str
    size: int
    places: tuple[Path, ...]

    @property
    def summary(self) -> str:
        """Which."""
        return f"remove image {self.reference}, {self.size / _MEGA:.0f} MB (not in use)"

    def apply(self, host: Host) -> None:
        """Remove it."""
        host.docker.remove_image(self.reference)


@dataclass(frozen=True, slots=True)
class PruneBuildCache:
    """Have the engine forget steps of earlier builds."""

    size: int
    places: tuple[Path, ...]

    @property
    def summary(self) -> str:
        """How large."""
        return f"empty the build cache, {self.size / _MEGA:.0f} MB"

    def apply(self, host: Host) -> None:
        """Empty it."""
        host.docker.prune_build_cache()
