"""The kernel's table of mounts."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.host.files import Files

_TABLE: Final = Path("/proc/self/mountinfo")
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount (proc(5), mountinfo).

    Attributes:
        number: the mount id; a new mount at the same point has a different one.
        point: the mount point.
        kind: file system type.
        read_only: the mount or its file system is read-only.
        source: device, image or //SERVER/SHARE.
    """

    number: int
    point: Path
    kind: str
    read_only: bool
    source: str = ""


def mount_of(path: Path, files: Files) -> Mount | None:
    """Return the mount that holds `path`, even if `path` does not exist; None without a table."""
    found = [_parsed(line) for line in (files.read_text(_TABLE) or "").splitlines()]
    # the later of two mounts at one point hides the earlier
    over = [mount for mount in found if mount is not None and path.is_relative_to(mount.point)]
    return max(reversed(over), key=lambda mount: len(mount.point.parts), default=None)


def mounted_at(path: Path, files: Files) -> Mount | None:
    """Return the mount whose mount point is `path`."""
    mount = mount_of(path, files)
    return mount if mount is not None and mount.point == path else None


def _parsed(line: str) -> Mount | None:
    mount, separator, filesystem = line.partition(" - ")
    fields, tail = mount.split(" "), filesystem.split(" ")
    if not separator or len(fields) < 6 or len(tail) < 3:  # noqa: PLR2004 - fields in proc(5)
        return None
    read_only = "ro" in fields[5].split(",") or "ro" in tail[2].split(",")
    point, source = _plain(fields[4]), _plain(tail[1])
    return Mount(int(fields[0]), Path(point), tail[0], read_only, source)


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)
