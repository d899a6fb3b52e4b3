"""The lease: one file per generation on the share, and the daemon's report on the instance."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar, Final, Self

from clawbot_agent.core.paths import LEASE_FILE
from clawbot_agent.records.record import Record, RecordError, RecordFile, TextFiles, parsed, text_of

# one page: written and read in one SMB request, never seen half
RECORD_BYTES: Final = 4096
# with more than these the oldest is forgotten; an entry takes some 90 bytes
_MOST_SUSPECTS: Final = 24
_UNKNOWN: Final = "unknown"
# the daemon writes every few seconds; an older report is of a daemon that is not running
FRESH_SECONDS: Final = 30
# heartbeats are sent every 10 s
_SILENT_SECONDS: Final = 25


@dataclass(frozen=True, slots=True)
class Holder:
    """The holder of a generation. `since` is that instance's wall clock, for operators only."""

    instance_id: str
    boot_id: str
    host: str
    since: str

    @classmethod
    def of(cls, *, instance_id: str, boot_id: str, host: str, now: datetime) -> Self:
        """Return a holder that starts now."""
        return cls(instance_id, boot_id, host, now.isoformat(timespec="seconds"))

    def is_instance(self, instance_id: str) -> bool:
        """Whether it is this virtual machine, in any boot."""
        return self.instance_id == instance_id != _UNKNOWN


@dataclass(frozen=True, slots=True)
class Suspect:
    """A holder that never released its generation: it may resume and write."""

    generation: int
    instance_id: str


@dataclass(frozen=True, slots=True)
class LeaseRecord(Record):
    """Content of a generation's file on the share.

    Attributes:
        suspects: earlier holders that may still have the state open.
        beat: grows with each heartbeat; only the change counts.
        released: the state was unmounted, then the lease was released.
    """

    generation: int
    holder: Holder
    # no defaults: a record without one of its keys is damaged, not clean
    suspects: tuple[Suspect, ...]
    beat: int
    released: bool

    def next_beat(self) -> Self:
        """Return the same record, one heartbeat later."""
        return replace(self, beat=self.beat + 1)

    def text(self) -> str:
        """Return the file's content, padded to `RECORD_BYTES`.

        Everything before "beat" is constant within a generation.
        """
        return text_of(self, indent=None).ljust(RECORD_BYTES - 1) + "\n"

    @classmethod
    def parsed(cls, text: str) -> Self | None:
        """Return the record in `text`; None when it is damaged or was never written."""
        try:
            return parsed(cls, text)
        except RecordError:
            return None

    @classmethod
    def succeeding(
        cls, previous: Self | None, *, generation: int, holder: Holder, image: int
    ) -> Self:
        """Return the record of a new generation.

        Args:
            previous: record of the generation before; None when there is none, or it is damaged.
            generation: its number.
            holder: the instance that takes it.
            image: number of the newest data image, 0 without one. An image has the number of the
                generation that created it, so no earlier holder can have it open.
        """
        suspects: list[Suspect] = []
        if previous is not None:
            suspects += previous.suspects
            if not previous.released:
                suspects.append(Suspect(previous.generation, previous.holder.instance_id))
        elif image or generation > 1:
            suspects.append(Suspect(generation - 1, _UNKNOWN))
        # an earlier boot of this instance is over, and this boot's kernel knows what is open
        kept = [s for s in suspects if s.generation >= image and not _is_self(s, holder)]
        return cls(generation, holder, tuple(kept[-_MOST_SUSPECTS:]), beat=0, released=False)


def _is_self(suspect: Suspect, holder: Holder) -> bool:
    return holder.is_instance(suspect.instance_id)


class LeaseState(StrEnum):
    """The relation of this instance to the lease."""

    WAITING = "waiting"
    HELD = "held"
    LOST = "lost"
    RELEASED = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseReport(Record):
    """The lease daemon's report: lease.json. Readers use this file and never the share.

    Attributes:
        generation: the one that is held, or waited for.
        holder: this instance, while it holds the lease.
        suspects: generations whose holders may still have the state open.
        waiting_for: the present holder.
        silent_seconds: time since that holder's last heartbeat.
        last_heartbeat: wall clock of the last heartbeat that reached the share.
        problem: what is wrong with the share, one line.
        updated: wall clock of this report.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("clean",)

    state: LeaseState
    generation: int = 0
    holder: Holder | None = None
    suspects: tuple[int, ...] = ()
    waiting_for: Holder | None = None
    silent_seconds: int = 0
    last_heartbeat: datetime | None = None
    problem: str = ""
    updated: datetime = field(default_factory=lambda: datetime.min.replace(tzinfo=UTC))

    @property
    def clean(self) -> bool:
        """Whether no other instance can have the state open."""
        return not self.suspects

    def is_fresh(self, now: datetime) -> bool:
        """Whether a running daemon wrote it."""
        return abs((now - self.updated).total_seconds()) <= FRESH_SECONDS


LEASE: Final = RecordFile(LEASE_FILE, LeaseReport)


def share_is_silent(files: TextFiles, now: datetime) -> bool:
    """Whether heartbeats of the lease held here do not reach the share."""
    report = LEASE.load(files)
    if report is None or report.state is not LeaseState.HELD or not report.is_fresh(now):
        return False
    last = report.last_heartbeat
    return last is not None and (now - last).total_seconds() >= _SILENT_SECONDS
