"""When the kernel writes to the share what is in the image's journal already.

With `data=journal` each commit has all that was written before it, in one piece, and a power
cut costs nothing of that. Until the journal is full nobody needs the same blocks in their own
places as well; there each of them would be a write to the share, billed, every 30 s. Data waits
for the patience set here; metadata does so once, and then follows each commit (docs/drills.md).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.host import Host
from clawbot_agent.host.files import Files

__all__ = ["PATIENCE", "SetPatience", "patience"]

# hundredths of a second; the kernel's default is 3000 (Documentation/admin-guide/sysctl/vm.rst)
PATIENCE: Final = 60_000
_KEY: Final = "vm.dirty_expire_centisecs"
_FILE: Final = Path("/proc/sys/vm/dirty_expire_centisecs")
_SECONDS: Final = 10


def patience(files: Files) -> int:
    """How long the kernel keeps what is to be written; 0 when it does not say."""
    text = (files.read_text(_FILE) or "").strip()
    return int(text) if text.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class SetPatience:
    """Set it until the next boot, which brings another run."""

    found: int

    @property
    def summary(self) -> str:
        """What it is and becomes."""
        return f"set {_KEY} to {PATIENCE} (it is {self.found}; each write is billed)"

    def apply(self, host: Host) -> None:
        """Set it."""
        argv = ("sysctl", "--quiet", "--write", f"{_KEY}={PATIENCE}")
        host.run(argv, timeout=_SECONDS).require()
