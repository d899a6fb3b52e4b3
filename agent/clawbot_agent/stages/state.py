"""The state directory: the bot's memory, owned by the user that the gateway runs as."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.actions import Action, MakeDirectory
from clawbot_agent.config.model import BotConfig
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.errors import ClawbotError
from clawbot_agent.host import Host
from clawbot_agent.host.files import FileStat

__all__ = ["StateFacts", "StateNotDirectoryError", "StateStage"]

# the user `node` of the Node.js images
_OWNER: Final = 1000
_MODE: Final = 0o700
_NOT_OURS: Final = frozenset({"lost+found"})
_SHOWN: Final = 5
_CHOWN_SECONDS: Final = 120


class StateNotDirectoryError(ClawbotError):
    """There is something else than a directory at the state's path."""

    code = "STATE_NOT_A_DIRECTORY"
    hint = "remove what is there, or set state.path to the directory that is meant"


@dataclass(frozen=True, slots=True)
class StateFacts:
    """How the state directory is.

    Attributes:
        found: None when it is not there.
        missing_parents: directories above it that are not there, outermost first.
        strangers: names in it whose owner is another user or group.
    """

    found: FileStat | None
    missing_parents: tuple[Path, ...] = ()
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
        return f"give {names} in {self.path} to {_OWNER}:{_OWNER} (the gateway cannot use them)"

    def apply(self, host: Host) -> None:
        """Change the owner; links are changed themselves, never followed."""
        targets = tuple(str(self.path / name) for name in self.names)
        argv = ("chown", "--recursive", "--no-dereference", f"{_OWNER}:{_OWNER}", "--", *targets)
        host.run(argv, timeout=_CHOWN_SECONDS).require()


class StateStage(Stage[StateFacts]):
    """A private directory for the bot's memory."""

    name = "state"
    title = "State directory"
    phase = Phase.NODE
    needs = ("mount",)
    budget = 180

    def probe(self, host: Host, config: BotConfig) -> StateFacts:
        """Look at the directory, above it and at the first level in it."""
        path = Path(config.state.path)
        above = reversed(path.parents)
        return StateFacts(
            found=host.files.stat(path),
            missing_parents=tuple(p for p in above if host.files.stat(p) is None),
            strangers=_strangers(host, path),
        )

    def plan(self, facts: StateFacts, config: BotConfig) -> Plan:
        """Make or correct the directory; take over what the gateway could not read."""
        path = Path(config.state.path)
        found = facts.found
        if found is not None and found.kind != "directory":
            return Plan("", (RefuseState(path, found.kind),))
        actions: list[Action] = [
            MakeDirectory(parent, 0o755, "not there") for parent in facts.missing_parents
        ]
        if why := _drift(found):
            actions.append(MakeDirectory(path, _MODE, why, _OWNER, _OWNER))
        if facts.strangers:
            actions.append(TakeOver(path, facts.strangers))
        return Plan(f"{path} belongs to {_OWNER}, mode {_MODE:04o}", tuple(actions))


def _drift(found: FileStat | None) -> str | None:
    if found is None:
        return "not there"
    if (found.uid, found.gid) != (_OWNER, _OWNER):
        return f"owner is {found.uid}:{found.gid}"
    return f"mode is {found.mode:04o}" if found.mode != _MODE else None


def _strangers(host: Host, path: Path) -> tuple[str, ...]:
    names = (name for name in host.files.list(path) if name not in _NOT_OURS)
    stats = ((name, host.files.stat(path / name)) for name in names)
    return tuple(name for name, s in stats if s and (s.uid, s.gid) != (_OWNER, _OWNER))
