"""When the holder may rely on the lease, and when another instance may take it.

Only this instance's own monotonic clock counts, and only time between requests that the share
answered. The clocks of two machines are never compared. docs/adr/0007 derives the figures.
"""

from dataclasses import dataclass
from typing import Final, Self

from clawbot_agent.records.lease import Holder, LeaseRecord

# seconds between two heartbeats: each reads the bell, and is written if it rang
HEARTBEAT: Final = 10.0
# seconds without a confirmed heartbeat after which the gateway must be dead: an outage of the
# server of 60 s must not cost the bot (10 + 60 + time to reconnect)
FENCE: Final = 88.0
# seconds without an answer to a ring after which a holder counts as gone: FENCE, plus the time to
# kill its gateway, plus a margin
TAKEOVER: Final = 102.0
# seconds between two polls at the lease directory while waiting
POLL: Final = 3.0
# seconds until an unanswered ring is repeated; a holder answers within HEARTBEAT
RING: Final = 20.0
# seconds without an answer after which the server is made to recall what a dead holder has cached,
# so that it has done so by the time of a takeover (`LeaseDirectory`)
KNOCK: Final = 40.0
# a longer gap between two polls means that the share did not answer: the holder could not renew
# the lease either, and is not charged for that time
_LONGEST_GAP: Final = 2 * POLL


@dataclass(frozen=True, slots=True)
class Tenure:
    """A generation that this instance holds.

    Attributes:
        record: as last written, or being written.
        confirmed: monotonic seconds at which the last heartbeat that arrived was sent. Sent,
            because other instances count from its arrival, which may be any time later. A
            heartbeat that heard no ring counts too: others count from a later ring.
    """

    record: LeaseRecord
    confirmed: float

    def expired(self, now: float) -> bool:
        """Return whether another instance may hold the lease by now."""
        return now - self.confirmed >= FENCE


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The lease directory as one poll found it.

    Attributes:
        generation: the highest, 0 without any.
        text: content of its file.
        image: number of the newest data image, 0 without one.
    """

    generation: int
    text: str
    image: int

    @property
    def record(self) -> LeaseRecord | None:
        """The text as a record; None if it is not a valid one."""
        return LeaseRecord.parsed(self.text) if self.generation else None

    @property
    def next(self) -> int:
        """The next generation; never below the number of a data image."""
        return (self.generation or self.image) + 1


@dataclass(frozen=True, slots=True)
class Watch:
    """What a waiting instance has seen so far.

    Attributes:
        snapshot: the last one; None before the first poll.
        since: monotonic seconds up to which `quiet` counts: the time of the answer if something
            was new, else the time of the request, so that `quiet` never exceeds the real time.
        quiet: seconds for which a ring remained unanswered.
        rung: whether a ring is waiting for its answer.
    """

    snapshot: Snapshot | None = None
    since: float = 0.0
    quiet: float = 0.0
    rung: bool = False

    def after(self, new: Snapshot, *, sent: float, answered: float, rang: bool) -> Self:
        """Return the watch after another poll, sent and answered at these monotonic seconds.

        `rang`: whether the request rang the bell before it read.
        """
        old = self.snapshot
        same = old is not None and (old.generation, old.text) == (new.generation, new.text)
        if not same or not self.rung:
            # a holder that heard no ring owes no answer
            return type(self)(new, answered, rung=rang)
        gap = min(max(0.0, sent - self.since), _LONGEST_GAP)
        return type(self)(new, sent, self.quiet + gap, rung=True)

    def may_take(self, me: Holder) -> bool:
        """Return whether this instance may take the next generation now."""
        if self.snapshot is None:
            return False
        if self.snapshot.generation == 0 and self.snapshot.image == 0:
            return True
        record = self.snapshot.record
        if record is not None and (record.released or record.holder.is_instance(me.instance_id)):
            return True
        return self.quiet >= TAKEOVER
