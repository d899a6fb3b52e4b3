"""The actions of a plan.

An action is a frozen value: `summary` describes it for people, `apply` does it. Applying it
twice has the same result as applying it once. Several stages use the actions here; a stage
defines its own beside its probe and plan.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.secret import Secret
from clawbot_agent.host import Host
from clawbot_agent.host.files import FileStat

__all__ = [
    "Action",
    "ChangeUnit",
    "MakeDirectory",
    "Refuse",
    "RemovePath",
    "Stored",
    "WriteFile",
    "directory_actions",
    "file_actions",
]


class Action(Protocol):
    """One idempotent change to the machine."""

    @property
    def summary(self) -> str:
        """The line of the plan: imperative, no secret."""
        ...

    def apply(self, host: Host) -> None:
        """Do it.

        Raises:
            ClawbotError: it failed; the previous state is kept.
        """
        ...


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Replace the file at `path` with `text`, atomically."""

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
    """Remove a file, or a directory with its content."""

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
        """Run systemctl."""
        host.units.change(self.verb, self.unit)


@dataclass(frozen=True, slots=True)
class Refuse:
    """Fail, because only the operator can decide what to do."""

    summary: str
    error: type[ClawbotError]
    message: str

    def apply(self, host: Host) -> None:
        """Raise the error; nothing is changed."""
        del host
        raise self.error(self.message)


@dataclass(frozen=True, slots=True)
class Stored:
    """What is at a path; `text` is None for anything but a file."""

    stat: FileStat
    text: Secret | None = field(default=None, repr=False)


def directory_actions(path: Path, found: Stored | None, *, mode: int, uid: int) -> list[Action]:
    """Return the actions that make `path` a directory of this mode, owned by `uid`:`uid`."""
    actions: list[Action] = []
    if found is not None and found.stat.kind != "directory":
        actions.append(RemovePath(path, f"it is a {found.stat.kind}, not a directory"))
        found = None
    if why := _difference(found, mode=mode, uid=uid):
        actions.append(MakeDirectory(path, mode, why, uid, uid))
    return actions


def file_actions(
    path: Path, found: Stored | None, wanted: Secret | None, *, mode: int, uid: int
) -> list[Action]:
    """Return the actions that make `path` a file with `wanted`; None removes the file."""
    if wanted is None:
        return [] if found is None else [RemovePath(path, "not configured")]
    actions: list[Action] = []
    if found is not None and found.stat.kind == "directory":
        actions.append(RemovePath(path, "it is a directory, not a file"))
        found = None
    why = _difference(found, mode=mode, uid=uid)
    if found is not None and found.text != wanted:
        why = "other content"
    return [*actions, WriteFile(path, wanted.reveal(), mode, why, uid, uid)] if why else actions


def _difference(found: Stored | None, *, mode: int, uid: int) -> str:
    """Return the first difference; empty when there is none."""
    if found is None:
        return "missing"
    if (found.stat.uid, found.stat.gid) != (uid, uid):
        return f"owner is {found.stat.uid}:{found.stat.gid}"
    return "" if found.stat.mode == mode else f"mode is {found.stat.mode:04o}"
