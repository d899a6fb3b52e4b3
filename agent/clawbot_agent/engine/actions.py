"""What a plan is made of.

An action is a frozen value: it says what it would do (`summary`, for people) and can do
it (`apply`). Applying one twice is the same as applying it once. The ones here are of
use to several stages; a stage adds its own beside its probe and plan.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from clawbot_agent.host import Host

__all__ = ["Action", "ChangeUnit", "MakeDirectory", "RemovePath", "WriteFile"]


class Action(Protocol):
    """One idempotent change to the machine."""

    @property
    def summary(self) -> str:
        """What it does, for the plan: one line, imperative, no secret."""
        ...

    def apply(self, host: Host) -> None:
        """Do it.

        Raises:
            ClawbotError: it could not be done; what was there before still is.
        """
        ...


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Put `text` at `path`, atomically."""

    path: Path
    text: str = field(repr=False)
    mode: int
    why: str
    uid: int = 0
    gid: int = 0

    @property
    def summary(self) -> str:
        """Path and reason; never the content."""
        return f"write {self.path} ({self.why})"

    def apply(self, host: Host) -> None:
        """Write it."""
        host.files.write(self.path, self.text, mode=self.mode, uid=self.uid, gid=self.gid)


@dataclass(frozen=True, slots=True)
class MakeDirectory:
    """Make `path`, or correct its mode and owner."""

    path: Path
    mode: int
    why: str
    uid: int = 0
    gid: int = 0

    @property
    def summary(self) -> str:
        """Path, mode and reason."""
        return f"make directory {self.path}, mode {self.mode:04o}, owner {self.uid} ({self.why})"

    def apply(self, host: Host) -> None:
        """Make it."""
        host.files.mkdir(self.path, mode=self.mode, uid=self.uid, gid=self.gid)


@dataclass(frozen=True, slots=True)
class RemovePath:
    """Remove a file or a directory with all in it."""

    path: Path
    why: str

    @property
    def summary(self) -> str:
        """Path and reason."""
        return f"remove {self.path} ({self.why})"

    def apply(self, host: Host) -> None:
        """Remove it."""
        host.files.remove(self.path)


@dataclass(frozen=True, slots=True)
class ChangeUnit:
    """`systemctl VERB UNIT`; "enable" also starts."""

    verb: str
    unit: str
    why: str

    @property
    def summary(self) -> str:
        """Verb, unit and reason."""
        return f"{self.verb} {self.unit} ({self.why})"

    def apply(self, host: Host) -> None:
        """Have systemd do it."""
        host.units.change(self.verb, self.unit)
