"""One generation of the lease, as its file on the share says it."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Self

__all__ = ["RECORD_BYTES", "Holder", "Record", "Suspect"]

_SCHEMA: Final = 1
# one page: written and read in one SMB request, never seen half
RECORD_BYTES: Final = 4096
# with more than these the oldest is forgotten; an entry takes some 90 bytes
_MOST_SUSPECTS: Final = 24
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a generation. `since` is that machine's wall clock, for people only."""

    instance_id: str
    boot_id: str
    host: str
    since: str

    @classmethod
    def of(cls, *, instance_id: str, boot_id: str, host: str, now: datetime) -> Self:
        """The holder that starts now."""
        return cls(instance_id, boot_id, host, now.isoformat(timespec="seconds"))

    def is_instance(self, instance_id: str) -> bool:
        """Whether it is this virtual machine, in whichever boot."""
        return self.instance_id == instance_id != UNKNOWN


@dataclass(frozen=True, slots=True)
class Suspect:
    """A holder that never gave its generation back: it may wake up and write."""

    generation: int
    instance_id: str


@dataclass(frozen=True, slots=True)
class Record:
    """Content of a generation's file.

    Attributes:
        beat: grows with each rewrite; that it changes is all that counts.
        released: given back, with the state unmounted before.
        suspects: earlier holders that may still have the state open.
    """

    generation: int
    holder: Holder
    beat: int = 0
    released: bool = False
    suspects: tuple[Suspect, ...] = ()

    def beaten(self) -> Self:
        """The same, one beat later."""
        return replace(self, beat=self.beat + 1)

    def text(self) -> str:
        """As it is stored, padded to `RECORD_BYTES`.

        All up to "beat" stays the same for the whole generation.
        """
        document = {
            "schema": _SCHEMA,
            "generation": self.generation,
            "holder": _fields(self.holder),
            "suspects": [_fields(suspect) for suspect in self.suspects],
            "beat": self.beat,
            "released": self.released,
        }
        text = json.dumps(document)
        return text.ljust(RECORD_BYTES - 1) + "\n"

    @classmethod
    def parsed(cls, text: str) -> Self | None:
        """The record in `text`; None when it is none, such as one that was never written."""
        try:
            found = json.loads(text)
            return cls(
                generation=int(found["generation"]),
                holder=Holder(**found["holder"]),
                beat=int(found["beat"]),
                released=found["released"] is True,
                suspects=tuple(Suspect(**suspect) for suspect in found["suspects"]),
            )
        except (ValueError, KeyError, TypeError):
            return None

    @classmethod
    def succeeding(
        cls, previous: Self | None, *, generation: int, holder: Holder, image: int
    ) -> Self:
        """The record of a new generation.

        Args:
            previous: record of the generation before; None when there is none to read.
            generation: its number.
            holder: who takes it.
            image: number of the newest state image, 0 without one. An image is made under
                the number of its maker's generation, so nobody older can have it open.
        """
        suspects: list[Suspect] = []
        if previous is not None:
            suspects += previous.suspects
            if not previous.released:
                suspects.append(Suspect(previous.generation, previous.holder.instance_id))
        elif image or generation > 1:
            suspects.append(Suspect(generation - 1, UNKNOWN))
        # its own kernel of an earlier boot is dead, the one of this boot is at hand
        kept = [s for s in suspects if s.generation >= image and not _is_self(s, holder)]
        return cls(generation, holder, suspects=tuple(kept[-_MOST_SUSPECTS:]))


def _is_self(suspect: Suspect, holder: Holder) -> bool:
    return holder.is_instance(suspect.instance_id)


def _fields(value: Holder | Suspect) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}
