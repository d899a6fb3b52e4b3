"""The lease from outside: may this instance take it?

Only this instance's own monotonic clock counts, and only time between looks that the
share answered. The clocks of two machines are never compared.
"""

from dataclasses import dataclass
from typing import Final, Self

from clawbot_agent.features.lease.record import Holder, Record

__all__ = ["KNOCK", "LOOK", "RING", "TAKEOVER", "Sight", "Watch"]

# seconds without a beat, although somebody rang, after which a holder counts as gone: FENCE (in
# `tenure`), plus the time it takes to kill its gateway, plus a margin; docs/adr/0007 does the sum
TAKEOVER: Final = 102.0
# seconds between two looks
LOOK: Final = 3.0
# seconds until a ring that nothing answered is repeated; a holder answers within 10 s (`BEAT`)
RING: Final = 20.0
# seconds without a beat after which the server is asked to call back what a dead holder has
# cached, so that it has done so by the time of a takeover (`LeaseDirectory`)
KNOCK: Final = 40.0
# more than this between two looks is time in which the share did not answer: the holder
# could not beat either, and gets it back
_LONGEST_GAP: Final = 2 * LOOK


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look at the share's lease directory saw.

    Attributes:
        generation: the highest, 0 without any.
        text: content of its file.
        image: number of the newest state image, 0 without one.
    """

    generation: int
    text: str
    image: int

    @property
    def record(self) -> Record | None:
        """The text as a record; None when it is none."""
        return Record.parsed(self.text) if self.generation else None

    @property
    def next(self) -> int:
        """The generation that comes after; never below an image's number."""
        return (self.generation or self.image) + 1


@dataclass(frozen=True, slots=True)
class Watch:
    """What was seen so far.

    Attributes:
        sight: the last look; None before the first.
        since: up to when `quiet` counts, monotonic seconds: where something new was seen, when
            that look was answered; where nothing was, when it was asked. So it never counts
            more than really was.
        quiet: seconds for which nothing changed although somebody rang.
        rung: a living holder has been asked for a beat, and has not answered yet.
    """

    sight: Sight | None = None
    since: float = 0.0
    quiet: float = 0.0
    rung: bool = False

    def after(self, sight: Sight, *, asked: float, answered: float, rang: bool) -> Self:
        """With one more look, asked and answered at these monotonic seconds.

        Args:
            sight: what it saw.
            asked: when it was sent.
            answered: when its answer came.
            rang: it rang before it looked.
        """
        before = self.sight
        changed = before is None or (sight.generation, sight.text) != (
            before.generation,
            before.text,
        )
        if changed or not self.rung:
            # a holder that nobody has asked owes no sign of life
            return type(self)(sight, answered, rung=rang)
        gap = min(max(0.0, asked - self.since), _LONGEST_GAP)
        return type(self)(sight, asked, self.quiet + gap, rung=True)

    def may_take(self, me: Holder) -> bool:
        """Whether this instance may take the next generation now."""
        if self.sight is None:
            return False
        if self.sight.generation == 0 and self.sight.image == 0:
            return True
        record = self.sight.record
        if record is not None and (record.released or record.holder.is_instance(me.instance_id)):
            return True
        return self.quiet >= TAKEOVER
