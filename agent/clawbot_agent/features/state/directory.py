"""The state directory itself; the backend `local` consists of nothing else."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.constants import GATEWAY_UID
from clawbot_agent.engine.actions import Action, MakeDirectory, Refuse
from clawbot_agent.engine.stage import Plan
from clawbot_agent.features.lease.errors import LeaseLostError
from clawbot_agent.features.mounts.units import unit_file
from clawbot_agent.features.state.errors import StateNotDirectoryError, StateWouldBeHiddenError
from clawbot_agent.features.state.units import GATEWAY_DROP_IN, removal_actions
from clawbot_agent.host import Host
from clawbot_agent.host.files import FileStat

MODE: Final = 0o700
_OWNER: Final = f"{GATEWAY_UID}:{GATEWAY_UID}"
_NOT_OURS: Final = frozenset({"lost+found"})
_SHOWN: Final = 5
_CHOWN_SECONDS: Final = 120


@dataclass(frozen=True, slots=True)
class ChownEntries:
    """Give entries of the state directory, with all below them, to the gateway's user."""

    path: Path
    names: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The first few entries by name."""
        more = len(self.names) - _SHOWN
        names = ", ".join(self.names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
        return f"change the owner of {names} in {self.path} to {_OWNER} (not usable by the gateway)"

    def apply(self, host: Host) -> None:
        """Change the owner; of a link itself, never of its target."""
        targets = tuple(str(self.path / name) for name in self.names)
        argv = ("chown", "--recursive", "--no-dereference", _OWNER, "--", *targets)
        host.run(argv, timeout=_CHOWN_SECONDS).require()


@dataclass(frozen=True, slots=True)
class DirectoryFacts:
    """The state directory as it is.

    Attributes:
        found: None if it does not exist.
        missing_parents: directories above it that do not exist, outermost first.
        names: its entries.
        foreign: the entries with another owner or group than the gateway's.
    """

    found: FileStat | None
    missing_parents: tuple[Path, ...] = ()
    names: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LocalFacts:
    """The backend `local` as it is.

    Attributes:
        directory: what is at the state directory's path.
        unit, drop_in: texts that another backend has left since this boot.
    """

    directory: DirectoryFacts
    unit: str | None = None
    drop_in: str | None = None


def probe_directory(host: Host, path: Path) -> DirectoryFacts:
    """Inspect the directory, its parents and its entries."""
    names = tuple(name for name in host.files.list(path) if name not in _NOT_OURS)
    stats = ((name, host.files.stat(path / name)) for name in names)
    return DirectoryFacts(
        found=host.files.stat(path),
        missing_parents=tuple(p for p in reversed(path.parents) if host.files.stat(p) is None),
        names=names,
        foreign=tuple(
            name for name, s in stats if s and (s.uid, s.gid) != (GATEWAY_UID, GATEWAY_UID)
        ),
    )


def directory_actions(facts: DirectoryFacts, path: Path) -> list[Action]:
    """Return what creates or corrects the directory and its entries' owners."""
    found = facts.found
    if found is not None and found.kind != "directory":
        return [not_a_directory(path, found.kind)]
    actions: list[Action] = [
        MakeDirectory(parent, 0o755, "missing") for parent in facts.missing_parents
    ]
    if why := _drift(found):
        actions.append(MakeDirectory(path, MODE, why, GATEWAY_UID, GATEWAY_UID))
    if facts.foreign:
        actions.append(ChownEntries(path, facts.foreign))
    return actions


def probe_local(host: Host, config: BotConfig) -> LocalFacts:
    """Inspect the directory and the units that another backend has left."""
    path = Path(config.state.path)
    return LocalFacts(
        directory=probe_directory(host, path),
        unit=host.files.read_text(unit_file(path)),
        drop_in=host.files.read_text(GATEWAY_DROP_IN),
    )


def plan_local(facts: LocalFacts, config: BotConfig) -> Plan:
    """Remove another backend's mount; create or correct the directory."""
    path = Path(config.state.path)
    actions = removal_actions(facts.unit, facts.drop_in, path)
    if facts.unit is not None:
        # the facts show the mounted directory, not the one below
        actions.append(MakeDirectory(path, MODE, "below the mount", GATEWAY_UID, GATEWAY_UID))
    else:
        actions += directory_actions(facts.directory, path)
    return Plan(f"{path} belongs to {GATEWAY_UID}, mode {MODE:04o}", tuple(actions))


def not_a_directory(path: Path, kind: str) -> Refuse:
    """Refuse to replace whatever is at the state directory's path."""
    summary = f"make directory {path} (the path is a {kind})"
    return Refuse(summary, StateNotDirectoryError, f"{path}: is a {kind}")


def would_be_hidden(path: Path, names: tuple[str, ...]) -> Refuse:
    """Refuse to mount empty bot data over existing files."""
    return Refuse(
        f"mount empty bot data at {path} (the directory has {len(names)} entries)",
        StateWouldBeHiddenError,
        f"{path}: already contains {', '.join(names[:_SHOWN])}, which a mount would hide",
    )


def lease_required() -> Refuse:
    """Refuse to use the bot data without the lease."""
    return Refuse(
        "use the bot data (the lease is not held)",
        LeaseLostError,
        "lease: not held by this instance",
    )


def _drift(found: FileStat | None) -> str | None:
    if found is None:
        return "missing"
    if (found.uid, found.gid) != (GATEWAY_UID, GATEWAY_UID):
        return f"owner is {found.uid}:{found.gid}"
    return f"mode is {found.mode:04o}" if found.mode != MODE else None
