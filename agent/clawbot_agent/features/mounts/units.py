"""systemd mount units: names, texts, start and stop.

The units are in /run and do not survive a reboot, because the agent decides at every boot what may
be mounted. systemd itself orders a unit after the mount that holds its mount point and, for a loop
mount, after the mount that holds the image file (systemd.mount(5)).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause
from clawbot_agent.host import Host

RUNTIME_UNITS: Final = Path("/run/systemd/system")
# mount.cifs gives up on a silent server after about 10 s; unmounting may write back data first
_TIMEOUT_SECONDS: Final = 60
# systemctl gets more time than the unit, so that systemd reports a timeout
_EXTRA_SECONDS: Final = 20
# mount.cifs ends every error with a reference to its manual page
_REFERRAL: Final = "Refer to the "
# systemd first stops units bound to the mount; the gateway may drain sessions for 330 s
_DRAIN_SECONDS: Final = 420
_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.")


class MountFailedError(ClawbotError):
    """A mount unit fails to start.

    Attributes:
        output: of mount, lines joined with "; "; empty if mount did not run.
    """

    code = "MOUNT_FAILED"
    cause = FailureCause.UNCERTAIN
    retry = BRIEF
    hint = "correct what mount reports in the message; see also 'systemctl status UNIT'"

    def __init__(self, message: str, *, output: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.output = output


def unit_name(path: Path) -> str:
    """Return the mount unit's name for `path`, as `systemd-escape --path --suffix=mount` does.

    Raises:
        ValueError: the path is not absolute or contains "..".
    """
    if not path.is_absolute() or ".." in path.parts:
        msg = f"{path}: cannot be a mount point"
        raise ValueError(msg)
    text = "/".join(path.parts[1:])
    return (_escaped(text) if text else "-") + ".mount"


def unit_file(where: Path) -> Path:
    """Return the path of the unit file for the mount point `where`."""
    return RUNTIME_UNITS / unit_name(where)


def unit_text(  # noqa: PLR0913 - one argument for each setting of a mount unit
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
    """Return the unit file for one mount of `what` (device, image file or //SERVER/SHARE).

    systemd orders a network file system, and any mount with the option `_netdev` (needed for an
    image file on a share), after the network's start and before its stop. The mount needs the
    units in `requires` to start and those in `binds_to` to stay, and is ordered after both.
    `timeout` is in seconds, for mounting and for unmounting.

    Raises:
        ValueError: a value contains a line break, or an option a comma.
    """
    ordered = tuple(dict.fromkeys((*requires, *binds_to, *after)))
    dependencies = (("Requires", requires), ("BindsTo", binds_to), ("After", ordered))
    lines = [
        "[Unit]",
        _line("Description", description),
        # the agent retries by its own policies
        "StartLimitIntervalSec=0",
        *(_line(key, " ".join(names)) for key, names in dependencies if names),
        "",
        "[Mount]",
        _line("What", what),
        _line("Where", str(where)),
        _line("Type", kind),
        _line("Options", ",".join(map(_option, options))),
        f"TimeoutSec={timeout}",
    ]
    return "\n".join((*lines, ""))


def write_unit(host: Host, where: Path, text: str) -> None:
    """Write the mount unit for `where` and reload systemd, if the text differs."""
    if host.files.read_text(unit_file(where)) != text:
        host.files.write(unit_file(where), text, mode=0o644)
        host.units.reload_definitions()


def start_mount(host: Host, where: Path, *, restart: bool = False, timeout: float = 80) -> None:
    """Start the mount unit for `where`; has no effect when it is mounted.

    Args:
        host: the machine.
        where: mount point.
        restart: unmount first.
        timeout: in seconds, for both together.

    Raises:
        MountFailedError: with the output of mount.
    """
    name = unit_name(where)
    verb = "restart" if restart else "start"
    done = host.run(("systemctl", verb, name), timeout=timeout)
    if done.ok:
        return
    output = _last_output(host, name)
    msg = f"mounting {where}: {output or ' '.join(done.stderr.split())}"
    raise MountFailedError(msg, output=output)


def stop_mount(host: Host, where: Path, *, timeout: float = 80) -> None:
    """Unmount `where`; has no effect when it is not mounted.

    Raises:
        UnitFailedError: it is in use, or its server does not answer.
    """
    host.units.change("stop", unit_name(where), timeout=timeout)


@dataclass(frozen=True, slots=True)
class StartMount:
    """Write the unit for `where` and start it; `restart` unmounts first."""

    where: Path
    text: str = field(repr=False)
    why: str
    restart: bool = False

    @property
    def summary(self) -> str:
        """State the mount point and the reason."""
        return f"mount {self.where} ({self.why})"

    def apply(self, host: Host) -> None:
        """Write and start the unit (raises as `start_mount`)."""
        write_unit(host, self.where, self.text)
        timeout = _TIMEOUT_SECONDS + _EXTRA_SECONDS + (_DRAIN_SECONDS if self.restart else 0)
        start_mount(host, self.where, restart=self.restart, timeout=timeout)


def _last_output(host: Host, name: str) -> str:
    """Return what the unit's programs wrote at its last start, without systemd's own lines."""
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
    # a leading dot would hide the unit file
    return "".join(
        "-"
        if byte == ord("/")
        else chr(byte)
        if byte in _PLAIN and not (place == 0 and byte == ord("."))
        else f"\\x{byte:02x}"
        for place, byte in enumerate(text.encode())
    )


def _line(key: str, value: str) -> str:
    if "\n" in value or "\r" in value or value.endswith("\\"):
        msg = f"{key} of a mount unit: cannot be {value!r}"
        raise ValueError(msg)
    return f"{key}={value.replace('%', '%%')}"


def _option(option: str) -> str:
    if "," in option:
        msg = f"mount option {option!r}: contains a comma"
        raise ValueError(msg)
    return option
