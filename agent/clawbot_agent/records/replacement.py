"""Replacement of instances: failures on the share, and the verdict on the instance's disk."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from clawbot_agent.core.paths import REPLACEMENT_FILE
from clawbot_agent.records.record import Record, RecordFile

# far more than the replacements of any window
_MOST: Final = 32


@dataclass(frozen=True, slots=True)
class Failure:
    """The failure of one instance, however many runs it had.

    Attributes:
        disk_id: of the installation; a reimage keeps `instance_id` and changes this.
        code, stage: the error of the last run.
        first, last: times of runs that ended with this error, by that instance's clock.
    """

    instance_id: str
    disk_id: str
    code: str
    stage: str
    first: datetime
    last: datetime

    def same_instance(self, other: Self) -> bool:
        """Whether both are of the same virtual machine with the same disk."""
        return (self.instance_id, self.disk_id) == (other.instance_id, other.disk_id)

    def same_error(self, other: Self) -> bool:
        """Whether code and stage are the same."""
        return (self.code, self.stage) == (other.code, other.stage)


@dataclass(frozen=True, slots=True)
class Failures(Record):
    """Failures of a bot's instances in order: replacement/failures.json on the share.

    Instances write it without a lock, because one can fail before it holds the lease. Each write
    replaces the whole file. When two instances write at the same moment, one entry is lost and one
    replacement too many is requested.
    """

    instances: tuple[Failure, ...] = ()

    def having(self, failure: Failure) -> Self:
        """Return these with `failure` added, or in place of its instance's earlier entry."""
        for index, before in enumerate(self.instances):
            if before.same_instance(failure):
                first = before.first if before.same_error(failure) else failure.first
                known = list(self.instances)
                known[index] = replace(failure, first=first)
                return replace(self, instances=tuple(known))
        return replace(self, instances=(*self.instances, failure)[-_MOST:])

    def has(self, failure: Failure, *, not_older_than: timedelta) -> bool:
        """Whether this instance has a recent entry with the same error."""
        mine = [other for other in self.instances if other.same_instance(failure)]
        return any(
            other.same_error(failure) and failure.last - other.last < not_older_than
            for other in mine
        )

    def only(self, code: str) -> Self:
        """Return those with `code`."""
        return replace(self, instances=tuple(one for one in self.instances if one.code == code))

    def in_a_row(self, failure: Failure, *, within: timedelta) -> tuple[Failure, ...]:
        """Return the entries up to that of `failure` that are recent enough."""
        mine = [i for i, other in enumerate(self.instances) if other.same_instance(failure)]
        found: list[Failure] = []
        for other in reversed(self.instances[: mine[0] + 1] if mine else self.instances):
            if failure.last - other.last > within:
                break
            found.append(other)
        return tuple(reversed(found))


class Verdict(StrEnum):
    """Whether the agent reports a failed bot as Unhealthy, which makes Azure replace it."""

    ALLOWED = "allowed"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class ReplacementVerdict(Record):
    """What follows from the failures: replacement.json, which the sidecar reads.

    Attributes:
        code: of the error.
        failures: instances in a row that ended with it, this one included; or with any error, when
            that is the reason of a suspension.
        window_hours: time after which a failure no longer counts.
    """

    verdict: Verdict
    code: str
    failures: int
    window_hours: int
    reason: str

    @property
    def suspended(self) -> bool:
        """Whether no further replacement may be requested."""
        return self.verdict is Verdict.SUSPENDED

    def suspends(self, code: str) -> bool:
        """Whether replacement is suspended because of `code`."""
        return self.suspended and self.code == code


REPLACEMENT: Final = RecordFile(REPLACEMENT_FILE, ReplacementVerdict)


def failures_file(share: Path) -> RecordFile[Failures]:
    """Return the file with the failures on the share mounted at `share`."""
    return RecordFile(share / "replacement" / "failures.json", Failures, mode=0o600)
