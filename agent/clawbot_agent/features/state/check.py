"""e2fsck before every mount: replays the journal, repairs what a power cut left."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.features.state.errors import StateDamagedError
from clawbot_agent.features.state.image_actions import refuse_open_image
from clawbot_agent.host import Host
from clawbot_agent.host.commands import Completed

__all__ = ["CheckImage"]

_SECONDS: Final = 900
_LOGS: Final = Path("/var/log/clawbot")
# e2fsck(8): errors corrected, and that a reboot is wanted, which means mounted roots
_FINE: Final = 1 | 2


@dataclass(frozen=True, slots=True)
class CheckImage:
    """Check the file system; repair what can be repaired without loss, else what can be."""

    path: Path

    @property
    def summary(self) -> str:
        """Which."""
        return f"check {self.path.name} (e2fsck)"

    def apply(self, host: Host) -> None:
        """Check it.

        Raises:
            StateInUseError: the kernel still has it open.
            StateDamagedError: beyond repair.
        """
        refuse_open_image(host, self.path)
        preened = host.run(("e2fsck", "-p", str(self.path)), timeout=_SECONDS)
        if not _bad(preened):
            if preened.returncode:
                host.note(f"e2fsck corrected {self.path.name}: {_first_line(preened)}")
            return
        host.note(f"{self.path.name} is damaged, e2fsck repairs it: {_first_line(preened)}")
        repaired = host.run(("e2fsck", "-f", "-y", str(self.path)), timeout=_SECONDS)
        log = _LOGS / f"e2fsck-{host.clock.now():%Y%m%dT%H%M%S}.log"
        host.files.write(log, preened.stdout + repaired.stdout + repaired.stderr, mode=0o600)
        if _bad(repaired):
            msg = f"{self.path}: e2fsck ended with status {repaired.returncode}, see {log}"
            raise StateDamagedError(msg)
        host.note(f"{self.path.name} is repaired; what was lost is in lost+found and {log}")


def _bad(done: Completed) -> bool:
    return bool(done.returncode & ~_FINE)


def _first_line(done: Completed) -> str:
    text = done.stdout.strip() or done.stderr.strip()
    return text.splitlines()[0] if text else f"status {done.returncode}"
