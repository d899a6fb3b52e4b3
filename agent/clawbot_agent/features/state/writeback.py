"""When the kernel writes to the share what is in the image's journal already.

With `data=journal` each commit has all that was written before it, in one piece, and a power
cut costs nothing of that. Until the journal is full nobody needs the same blocks in their own
places as well; there each of them would be a write to the share, billed, every 30 s.

Two settings, both of the whole kernel (Documentation/admin-guide/sysctl/vm.rst): what is younger
than the first is left alone, and the second is how often the kernel looks. The first alone does
not do: once metadata is as old as that, the kernel writes it at each look, because the next commit
has made it dirty again meanwhile.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.host import Host
from clawbot_agent.host.files import Files

__all__ = ["PATIENCE", "SetPatience", "impatient"]

# hundredths of a second; the kernel's own are 3000 and 500
PATIENCE: Final[Mapping[str, int]] = {
    "vm.dirty_expire_centisecs": 60_000,
    "vm.dirty_writeback_centisecs": 60_000,
}
_SYSCTL: Final = Path("/proc/sys")
_SECONDS: Final = 10


def impatient(files: Files) -> Mapping[str, int]:
    """The settings that are not as they should be, with what they are; none that are not told."""
    found = {key: _told(files, key) for key in PATIENCE}
    return {
        key: value for key, value in found.items() if value is not None and value != PATIENCE[key]
    }


def _told(files: Files, key: str) -> int | None:
    text = (files.read_text(_SYSCTL / key.replace(".", "/")) or "").strip()
    return int(text) if text.isdecimal() else None


@dataclass(frozen=True, slots=True)
class SetPatience:
    """Set one until the next boot, which brings another run."""

    key: str
    found: int

    @property
    def summary(self) -> str:
        """What it is and becomes."""
        value = PATIENCE[self.key]
        return f"set {self.key} to {value} (it is {self.found}; each write is billed)"

    def apply(self, host: Host) -> None:
        """Set it."""
        argv = ("sysctl", "--quiet", "--write", f"{self.key}={PATIENCE[self.key]}")
        host.run(argv, timeout=_SECONDS).require()
