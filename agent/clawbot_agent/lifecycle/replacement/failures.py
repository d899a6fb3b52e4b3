"""How the instances of a bot failed, one after the other, as their share remembers it.

Instances write without a lock: who fails before it holds the lease has to be remembered too. Each
write replaces the file in one piece, so a reader sees the one or the other. Of two instances that
write in the same moment one is forgotten, and Azure is asked for one instance more than it should.
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

__all__ = ["Failure", "Failures"]

_SCHEMA: Final = 1
# far more than any window's worth of replacements
_MOST: Final = 32


@dataclass(frozen=True, slots=True)
class Failure:
    """How one instance failed, however many runs it had.

    Attributes:
        instance_id: of the virtual machine.
        disk_id: of its installation; a reimage keeps the first and changes this.
        code, stage: the error of its last run.
        first, last: runs that ended with this error, by that machine's clock.
    """

    instance_id: str
    disk_id: str
    code: str
    stage: str
    first: datetime
    last: datetime

    def same_instance(self, other: Self) -> bool:
        """Whether it is the same virtual machine with the same disk."""
        return (self.instance_id, self.disk_id) == (other.instance_id, other.disk_id)

    def same_error(self, other: Self) -> bool:
        """Whether both ended alike."""
        return (self.code, self.stage) == (other.code, other.stage)

    def document(self) -> dict[str, str]:
        """As JSON."""
        return {
            "instance_id": self.instance_id,
            "disk_id": self.disk_id,
            "code": self.code,
            "stage": self.stage,
            "first": self.first.isoformat(timespec="seconds"),
            "last": self.last.isoformat(timespec="seconds"),
        }


@dataclass(frozen=True, slots=True)
class Failures:
    """All that are remembered, in the order of the instances."""

    known: tuple[Failure, ...] = ()

    def having(self, failure: Failure) -> Self:
        """With this one added, or in the place of what its instance ended with before."""
        for index, before in enumerate(self.known):
            if before.same_instance(failure):
                first = before.first if before.same_error(failure) else failure.first
                known = list(self.known)
                known[index] = replace(failure, first=first)
                return replace(self, known=tuple(known))
        return replace(self, known=(*self.known, failure)[-_MOST:])

    def has(self, failure: Failure, *, not_older_than: timedelta) -> bool:
        """Whether this instance's last entry says the same and is recent."""
        mine = [other for other in self.known if other.same_instance(failure)]
        return any(
            other.same_error(failure) and failure.last - other.last < not_older_than
            for other in mine
        )

    def only(self, code: str) -> Self:
        """Those that ended with `code`."""
        return replace(self, known=tuple(one for one in self.known if one.code == code))

    def in_a_row(self, failure: Failure, *, within: timedelta) -> tuple[Failure, ...]:
        """Those of the instances up to that of `failure`, none of them too long ago."""
        found: list[Failure] = []
        for other in reversed(self._until(failure)):
            if failure.last - other.last > within:
                break
            found.append(other)
        return tuple(reversed(found))

    def text(self) -> str:
        """As it is stored."""
        documents = [failure.document() for failure in self.known]
        return json.dumps({"schema": _SCHEMA, "instances": documents}, indent=2) + "\n"

    @classmethod
    def parsed(cls, text: str | None) -> Self:
        """Those in `text`; none when it is missing or nothing that `text` makes."""
        try:
            found: dict[str, Any] = json.loads(text or "{}")
            return cls(tuple(_failure(one) for one in found.get("instances", ())))
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()

    def _until(self, failure: Failure) -> tuple[Failure, ...]:
        mine = [i for i, other in enumerate(self.known) if other.same_instance(failure)]
        return self.known[: mine[0] + 1] if mine else self.known


def _failure(found: dict[str, str]) -> Failure:
    return Failure(
        instance_id=str(found["instance_id"]),
        disk_id=str(found["disk_id"]),
        code=str(found["code"]),
        stage=str(found["stage"]),
        first=_moment(found["first"]),
        last=_moment(found["last"]),
    )


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
