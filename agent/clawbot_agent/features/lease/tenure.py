"""The lease from inside: how long may this instance still count on it?"""

from dataclasses import dataclass, replace
from typing import Final, Self

from clawbot_agent.features.lease.record import Record

__all__ = ["BEAT", "FENCE", "Tenure"]

# seconds between two beats: each listens for a ring, and is written when there was one
BEAT: Final = 10.0
# seconds without a beat that surely arrived, after which the gateway has to be dead:
# a server that is away for 60 s must not cost the bot (10 + 60 + time to reconnect)
FENCE: Final = 88.0


@dataclass(frozen=True, slots=True)
class Tenure:
    """A generation that this instance took.

    Attributes:
        record: as it was last written, or is being written.
        good: when the last beat that arrived was sent, monotonic seconds. Sent, because
            others count from its arrival, which may have been at any time after. One that heard
            no ring is as good as a written one: others count from a ring that comes later.
    """

    record: Record
    good: float

    def beaten(self) -> Self:
        """With the next beat on its way."""
        return replace(self, record=self.record.beaten())

    def arrived(self, asked: float) -> Self:
        """The beat that was sent at `asked` is on the share."""
        return replace(self, good=asked)

    def over(self, now: float) -> bool:
        """Whether the lease may by now be somebody else's."""
        return now - self.good >= FENCE
