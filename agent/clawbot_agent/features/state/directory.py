"""The state directory itself: who owns it, what is in it that the gateway could not use."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.core.constants import GATEWAY_UID
from clawbot_agent.engine.actions import Action, MakeDirectory
from clawbot_agent.features.state.errors import StateNotDirectoryError
from clawbot_agent.host import Host
from clawbot_agent.host.files import FileStat

__all__ = ["MODE", "DirectoryFacts", "RefuseState", "directory_actions", "look"]

MODE: Final = 0o700
_OWNER: Final = f"{GATEWAY_UID}:{GATEWAY_UID}"
_NOT_OURS: Final = frozenset({"lost+found"})
_SHOWN: Final = 5
_CHOWN_SECONDS: Final = 120


@dataclass(frozen=True, slots=True)
class DirectoryFacts:
    """How the state directory is.

    Attributes:
        found: None when it is not there.
        missing_parents: directories above it that are not there, outermost first.
        names: what is in it.
        strangers: those of them whose owner is another user or group.
    """

    found: FileStat | None
    missing_parents: tuple[Path, ...] = ()
    names: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefuseState:
    """Say that the path is taken."""

    path: Path
    kind: str

    @property
    def summary(self) -> str:
        """What is in the way."""
        return f"make directory {self.path} (a {self.kind} is in the way)"

    def apply(self, host: Host) -> None:
        """Refuse.

        Raises:
            StateNotDirectoryError: always; nobody's data is removed here.
        """
        del host
        msg = f"{self.path} is a {self.kind}"
        raise StateNotDirectoryError(msg)


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Give entries of the state directory (and what is in them) to the gateway's user."""

    path: Path
    names: tuple[str, ...]

    @property
    def summary(self) -> str:
        """Which entries, the first few by name."""
        more = len(self.names) - _SHOWN
        names = ", ".join(self.names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
        return f"give {names} in {self.path} to {_OWNER} (the gateway cannot use them)"

    def apply(self, host: Host) -> None:
        """Change the owner; links are changed themselves, never followed."""
        targets = tuple(str(self.path / name) for name in self.names)
        argv = (
            "chown",
            "--recursive",
            "--no-dereference",
            _OWNER,
            "--",
            *targets,
        )
        host.run(argv, timeout=_CHOWN_SECONDS).require()


def look(host: Host, path: Path) -> DirectoryFacts:
    """Look at the directory, above it and at the first level in it."""
    names = tuple(name for name in host.files.list(path) if name not in _NOT_OURS)
    stats = ((name, host.files.stat(path / name)) for name in names)
    return DirectoryFacts(
        found=host.files.stat(path),
        missing_parents=tuple(p for p in reversed(path.parents) if host.files.stat(p) is None),
        names=names,
        strangers=tuple(
            name for name, s in stats if s and (s.uid, s.gid) != (GATEWAY_UID, GATEWAY_UID)
        ),
    )


def directory_actions(facts: DirectoryFacts, path: Path) -> list[Action]:
    """Make or correct the directory; take over what the gateway could not read."""
    found = facts.found
    if found is not None and found.kind != "directory":
        return [RefuseState(path, found.kind)]
    actions: list[Action] = [
        MakeDirectory(parent, 0o755, "not there") for parent in facts.missing_parents
    ]
    if why := _drift(found):
        actions.append(MakeDirectory(path, MODE, why, GATEWAY_UID, GATEWAY_UID))
    if facts.strangers:
        actions.append(TakeOver(path, facts.strangers))
    return actions


def _drift(found: FileStat | None) -> str | None:
    if found is None:
        return "not there"
    if (found.uid, found.gid) != (GATEWAY_UID, GATEWAY_UID):
        return f"owner is {found.uid}:{found.gid}"
    return f"mode is {found.mode:04o}" if found.mode != MODE else None
