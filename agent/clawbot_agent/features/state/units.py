"""The state's mount unit, and the drop-in that ties the gateway to it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from clawbot_agent.core.constants import GATEWAY_UNIT, LEASE_UNIT
from clawbot_agent.engine.actions import Action
from clawbot_agent.features.mounts.units import (
    RUNTIME_UNITS,
    MountFailedError,
    start_mount,
    stop_mount,
    unit_file,
    unit_name,
    unit_text,
)
from clawbot_agent.features.state.errors import StateMountError
from clawbot_agent.host import Host

__all__ = [
    "GATEWAY_DROP_IN",
    "MountState",
    "UnmountState",
    "WriteUnit",
    "drop_in_actions",
    "drop_in_text",
    "mount_text",
    "removal_actions",
]

GATEWAY_DROP_IN: Final = RUNTIME_UNITS / f"{GATEWAY_UNIT}.d" / "state.conf"
# the gateway drains its sessions for up to 330 s before the state can go
_UNMOUNT_SECONDS: Final = 450
# an unmount writes back what is dirty, over the network
_UNIT_SECONDS: Final = 90
_MOUNT_SECONDS: Final = _UNIT_SECONDS + 20


def mount_text(*, what: str, where: Path, kind: str, options: Sequence[str]) -> str:
    """The mount unit: it stays only as long as this instance holds the lease."""
    return unit_text(
        what=what,
        where=where,
        kind=kind,
        options=options,
        description="State of the OpenClaw gateway",
        binds_to=(LEASE_UNIT,),
        timeout=_UNIT_SECONDS,
    )


def drop_in_text(where: Path) -> str:
    """What keeps the gateway from running without lease or state."""
    path, mount = str(where).replace("%", "%%"), unit_name(where).replace("%", "%%")
    return (
        "[Unit]\n"
        f"BindsTo={LEASE_UNIT} {mount}\n"
        f"After={LEASE_UNIT} {mount}\n"
        f"RequiresMountsFor={path}\n"
        f"AssertPathIsMountPoint={path}\n"
    )


def drop_in_actions(found: str | None, where: Path, planned: Sequence[Action]) -> list[Action]:
    """What puts the gateway's drop-in right, unless a planned mount does it anyway."""
    text = drop_in_text(where)
    if found == text or any(isinstance(action, MountState) for action in planned):
        return []
    return [WriteUnit(GATEWAY_DROP_IN, text, "ties the gateway to lease and state")]


@dataclass(frozen=True, slots=True)
class WriteUnit:
    """Write a unit file, or remove it (`text` None), and have systemd read it."""

    path: Path
    text: str | None = field(repr=False)
    why: str

    @property
    def summary(self) -> str:
        """Verb, path and reason."""
        return f"{'remove' if self.text is None else 'write'} {self.path} ({self.why})"

    def apply(self, host: Host) -> None:
        """Do it."""
        if self.text is None:
            host.files.remove(self.path)
        else:
            host.files.write(self.path, self.text, mode=0o644)
        host.units.reload_definitions()


@dataclass(frozen=True, slots=True)
class MountState:
    """Write the mount unit and what ties the gateway to it, and mount."""

    where: Path
    text: str = field(repr=False)
    what: str

    @property
    def summary(self) -> str:
        """What and where."""
        return f"mount {self.what} at {self.where}"

    def apply(self, host: Host) -> None:
        """Mount.

        Raises:
            StateMountError: with mount's own words.
        """
        units = {unit_file(self.where): self.text, GATEWAY_DROP_IN: drop_in_text(self.where)}
        other = [path for path, text in units.items() if host.files.read_text(path) != text]
        for path in other:
            host.files.write(path, units[path], mode=0o644)
        if other:
            # once for both: it takes systemd a while
            host.units.reload_definitions()
        try:
            start_mount(host, self.where, timeout=_MOUNT_SECONDS)
        except MountFailedError as error:
            raise StateMountError(error.message) from error


@dataclass(frozen=True, slots=True)
class UnmountState:
    """Unmount the state; systemd stops the gateway first."""

    where: Path
    why: str

    @property
    def summary(self) -> str:
        """Where and why."""
        return f"stop the gateway and unmount {self.where} ({self.why})"

    def apply(self, host: Host) -> None:
        """Unmount.

        Raises:
            UnitFailedError: it is in use, or the share does not answer.
        """
        stop_mount(host, self.where, timeout=_UNMOUNT_SECONDS)


def removal_actions(unit: str | None, drop_in: str | None, where: Path) -> list[Action]:
    """What takes away a mounted state of another backend; its units' texts are given."""
    actions: list[Action] = []
    if unit is not None:
        actions.append(UnmountState(where, "state.backend is local"))
        actions.append(WriteUnit(unit_file(where), None, "state.backend is local"))
    if drop_in is not None:
        actions.append(WriteUnit(GATEWAY_DROP_IN, None, "state.backend is local"))
    return actions
