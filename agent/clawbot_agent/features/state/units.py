"""The mount unit of the state directory, and the drop-in that ties the gateway to it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from clawbot_agent.core.constants import GATEWAY_UNIT, LEASE_UNIT
from clawbot_agent.engine.actions import Action
from clawbot_agent.features.mounts.table import Mount
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

GATEWAY_DROP_IN: Final = RUNTIME_UNITS / f"{GATEWAY_UNIT}.d" / "state.conf"
# the gateway drains its sessions for up to 330 s before the unmount
_UNMOUNT_SECONDS: Final = 450
# an unmount writes dirty pages back over the network
_UNIT_SECONDS: Final = 90
_MOUNT_SECONDS: Final = _UNIT_SECONDS + 20


def mount_drift(mount: Mount | None, source: str, wanted: str, *, same_unit: bool) -> str:
    """Return why to mount (again), or an empty string; `source` is what is mounted."""
    if mount is None:
        return "not mounted"
    if source != wanted:
        return f"{source} is mounted"
    if mount.read_only:
        return "mounted read-only"
    return "" if same_unit else "mount options differ"


def mount_text(*, what: str, where: Path, kind: str, options: Sequence[str]) -> str:
    """Return the mount unit, which is bound to the lease."""
    return unit_text(
        what=what,
        where=where,
        kind=kind,
        options=options,
        description="State directory of the OpenClaw gateway",
        binds_to=(LEASE_UNIT,),
        timeout=_UNIT_SECONDS,
    )


def drop_in_text(where: Path) -> str:
    """Return the drop-in that keeps the gateway from running without lease or bot data."""
    path, mount = str(where).replace("%", "%%"), unit_name(where).replace("%", "%%")
    return (
        "[Unit]\n"
        f"BindsTo={LEASE_UNIT} {mount}\n"
        f"After={LEASE_UNIT} {mount}\n"
        f"RequiresMountsFor={path}\n"
        f"AssertPathIsMountPoint={path}\n"
    )


def drop_in_actions(found: str | None, where: Path, planned: Sequence[Action]) -> list[Action]:
    """Return what corrects the gateway's drop-in, unless a planned mount writes it."""
    text = drop_in_text(where)
    if found == text or any(isinstance(action, MountState) for action in planned):
        return []
    return [WriteUnit(GATEWAY_DROP_IN, text, "ties the gateway to lease and bot data")]


def removal_actions(unit: str | None, drop_in: str | None, where: Path) -> list[Action]:
    """Return what removes another backend's mount, given the texts of its units."""
    actions: list[Action] = []
    why = "state.backend is local"
    if unit is not None:
        actions += (UnmountState(where, why), WriteUnit(unit_file(where), None, why))
    if drop_in is not None:
        actions.append(WriteUnit(GATEWAY_DROP_IN, None, why))
    return actions


@dataclass(frozen=True, slots=True)
class WriteUnit:
    """Write a unit file, or remove it if `text` is None, and reload systemd."""

    path: Path
    text: str | None = field(repr=False)
    why: str

    @property
    def summary(self) -> str:
        """Verb, path and reason."""
        return f"{'remove' if self.text is None else 'write'} {self.path} ({self.why})"

    def apply(self, host: Host) -> None:
        """Write or remove it."""
        if self.text is None:
            host.files.remove(self.path)
        else:
            host.files.write(self.path, self.text, mode=0o644)
        host.units.reload_definitions()


@dataclass(frozen=True, slots=True)
class MountState:
    """Write the mount unit and the gateway's drop-in, and mount."""

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
            StateMountError: with mount's output.
        """
        units = {unit_file(self.where): self.text, GATEWAY_DROP_IN: drop_in_text(self.where)}
        changed = [path for path, text in units.items() if host.files.read_text(path) != text]
        for path in changed:
            host.files.write(path, units[path], mode=0o644)
        if changed:
            # once for both, because a reload is slow
            host.units.reload_definitions()
        try:
            start_mount(host, self.where, timeout=_MOUNT_SECONDS)
        except MountFailedError as error:
            raise StateMountError(error.message) from error


@dataclass(frozen=True, slots=True)
class UnmountState:
    """Unmount the state directory; systemd stops the gateway first."""

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
