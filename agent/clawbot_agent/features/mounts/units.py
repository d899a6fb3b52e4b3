"""Mounts as systemd sees them: names, texts and starts of mount units.

The units go to /run, so that a reboot leaves nothing of them: what is mounted is decided
anew at every boot, by whoever may mount it now. systemd itself orders a unit after the
mount that it lies on and, for a loop mount, after the mount that the image lies on
(systemd.mount(5)).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause
from clawbot_agent.host import Host

__all__ = [
    "RUNTIME_UNITS",
    "MountFailedError",
    "StartMount",
    "start_mount",
    "stop_mount",
    "unit_file",
    "unit_name",
    "unit_text",
]

RUNTIME_UNITS: Final = Path("/run/systemd/system")
# mount.cifs gives up on a silent server after some 10 s; unmounting may have to write back first
_TIMEOUT_SECONDS: Final = 60
# systemctl itself outlasts the unit's own limit, so that systemd tells what happened
_PATIENCE_SECONDS: Final = 20
# mount.cifs ends every error with the name of its manual page
_REFERRAL: Final = "Refer to the "
# what is bound to the mount is stopped first: a gateway may take 330 s to let sessions end
_DRAIN_SECONDS: Final = 420
_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.")


class MountFailedError(ClawbotError):
    """A mount unit did not start.

    Attributes:
        said: what mount wrote, lines joined with "; "; empty when it did not even run.
    """

    code = "MOUNT_FAILED"
    cause = FailureCause.UNCERTAIN
    retry = BRIEF
    hint = "the message ends with what mount said; 'systemctl status UNIT' has more"

    def __init__(self, message: str, *, said: str = "", hint: str | None = None) -> None:
        """See the class."""
        super().__init__(message, hint=hint)
        self.said = said


def unit_name(path: Path) -> str:
    """Name of the mount unit for `path`, as `systemd-escape --path --suffix=mount` makes it.

    Raises:
        ValueError: the path is not absolute or has ".." in it.
    """
    if not path.is_absolute() or ".." in path.parts:
        msg = f"{path} is no path that can be a mount point"
        raise ValueError(msg)
    text = "/".join(path.parts[1:])
    return (_escaped(text) if text else "-") + ".mount"


def unit_file(where: Path) -> Path:
    """Where the unit for the mount point `where` is written."""
    return RUNTIME_UNITS / unit_name(where)


def unit_text(  # noqa: PLR0913 - one argument for each thing that a mount unit says
    *,
    what: str,
    where: Path,
    kind: str,
    options: Sequence[str],
    description: str,
    requires: Sequence[str] = (),
    binds_to: Sequence[str] = (),
    after: Sequence[str] = (),
    timeout: int = _TIMEOUT_SECONDS,
) -> str:
    """The unit file for one mount of `what` (device, image file or //SERVER/SHARE).

    systemd itself orders a network file system, and anything with the option `_netdev`
    (give it to an image that lies on one), between the network's coming and going.
    Without the units in `requires` it does not start, without those in `binds_to` it does
    not stay; it is ordered after both. `timeout` is in seconds, for mounting and for
    unmounting.

    Raises:
        ValueError: something has a line break, or an option a comma.
    """
    if any("," in option for option in options):
        msg = "a mount option has a comma in it"
        raise ValueError(msg)
    lines = [
        *_head(description, requires=requires, binds_to=binds_to, after=after),
        _line("What", what),
        _line("Where", str(where)),
        _line("Type", kind),
        _line("Options", ",".join(options)),
        f"TimeoutSec={timeout}",
    ]
    return "\n".join((*lines, ""))


def start_mount(host: Host, where: Path, *, restart: bool = False, timeout: float = 80) -> None:
    """Mount what the unit for `where` says; nothing happens when it is mounted.

    Args:
        host: the machine.
        where: mount point.
        restart: unmount first.
        timeout: seconds, for both together.

    Raises:
        MountFailedError: with mount's own words in `said`.
    """
    name = unit_name(where)
    verb = "restart" if restart else "start"
    done = host.run(("systemctl", verb, name), timeout=timeout)
    if done.ok:
        return
    said = _said(host, name)
    msg = f"mounting {where}: {said or ' '.join(done.stderr.split())}"
    raise MountFailedError(msg, said=said)


def stop_mount(host: Host, where: Path, *, timeout: float = 80) -> None:
    """Unmount `where`; nothing happens when it is not mounted.

    Raises:
        UnitFailedError: it is in use, or its server does not answer.
    """
    host.units.change("stop", unit_name(where), timeout=timeout)


@dataclass(frozen=True, slots=True)
class StartMount:
    """Write the unit for `where` and mount it; `restart` unmounts first what is there."""

    where: Path
    text: str = field(repr=False)
    why: str
    restart: bool = False

    @property
    def summary(self) -> str:
        """Mount point and reason."""
        return f"mount {self.where} ({self.why})"

    def apply(self, host: Host) -> None:
        """Write, have systemd read it, mount.

        Raises:
            MountFailedError: with mount's own words.
        """
        unit = unit_file(self.where)
        if host.files.read_text(unit) != self.text:
            host.files.write(unit, self.text, mode=0o644)
            host.units.reload_definitions()
        patience = _TIMEOUT_SECONDS + _PATIENCE_SECONDS
        if self.restart:
            patience += _DRAIN_SECONDS
        start_mount(host, self.where, restart=self.restart, timeout=patience)


def _said(host: Host, name: str) -> str:
    """What the unit's programs wrote the last time; systemd's own lines are not among it."""
    shown = host.run(("systemctl", "show", name, "--property=InvocationID"), timeout=15)
    invocation = shown.stdout.strip().partition("=")[2]
    if not invocation:
        return ""
    host.run(("journalctl", "--sync"), timeout=15)
    match = f"_SYSTEMD_INVOCATION_ID={invocation}"
    lines = host.run(("journalctl", match, "--no-pager", "--output=cat"), timeout=15)
    words = (" ".join(line.split()) for line in lines.stdout.splitlines())
    return "; ".join(line for line in words if line and not line.startswith(_REFERRAL))


def _escaped(text: str) -> str:
    # a leading dot would hide the unit's file
    return "".join(
        "-"
        if byte == ord("/")
        else chr(byte)
        if byte in _PLAIN and not (place == 0 and byte == ord("."))
        else f"\\x{byte:02x}"
        for place, byte in enumerate(text.encode())
    )


def _head(
    description: str, *, requires: Sequence[str], binds_to: Sequence[str], after: Sequence[str]
) -> list[str]:
    ordered = tuple(dict.fromkeys((*requires, *binds_to, *after)))
    pairs = (("Requires", requires), ("BindsTo", binds_to), ("After", ordered))
    return [
        "[Unit]",
        _line("Description", description),
        # tried again by the agent as often as its own policies say
        "StartLimitIntervalSec=0",
        *(_line(key, " ".join(names)) for key, names in pairs if names),
        "",
        "[Mount]",
    ]


def _line(key: str, value: str) -> str:
    if "\n" in value or "\r" in value or value.endswith("\\"):
        msg = f"{key} of a mount unit cannot be {value!r}"
        raise ValueError(msg)
    return f"{key}={value.replace('%', '%%')}"
