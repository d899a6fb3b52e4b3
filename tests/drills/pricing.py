"""SMB operations of a mount, and their price on Azure Files (pay-as-you-go)."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

HOURS_PER_MONTH: Final = 730

# the kernel's counters that Azure bills as writes; the rest are reads and "all other"
# operations, which cost the same (learn.microsoft.com, "Understand Azure Files billing models")
_WRITES: Final = frozenset({"Creates", "Writes", "SetInfos"})
_SHARE: Final = re.compile(r"^\d+\) (\S+)")
_COUNTER: Final = re.compile(r"^(\w+): (\d+) total")
# counted, but not sent
_NOT_SENT: Final = frozenset({"Open files"})


@dataclass(frozen=True, slots=True)
class Tier:
    """Prices of an access tier.

    Attributes:
        write: US dollars for 10,000 write (and list) operations.
        other: for 10,000 read and other operations.
    """

    name: str
    write: float
    other: float

    def monthly(self, per_hour: Mapping[str, float]) -> float:
        """Return US dollars per month for a rate of operations per hour."""
        dollars = sum(
            count * (self.write if name in _WRITES else self.other)
            for name, count in per_hour.items()
        )
        return dollars * HOURS_PER_MONTH / 10_000


# approximate list prices of an inexpensive region, locally redundant, November 2026
TIERS: Final = (
    Tier("transaction optimized", write=0.015, other=0.0015),
    Tier("hot", write=0.065, other=0.0052),
)


def operations(stats: str) -> Counter[str]:
    """Return operations by name, summed over all mounts, from /proc/fs/cifs/Stats."""
    found: Counter[str] = Counter()
    inside = False
    for line in stats.splitlines():
        inside = inside or _SHARE.match(line) is not None
        counter = _COUNTER.match(line.strip()) if inside else None
        if counter and counter[1] not in _NOT_SENT:
            found[counter[1]] += int(counter[2])
    return found


def per_hour(
    before: Mapping[str, int], after: Mapping[str, int], seconds: float
) -> dict[str, float]:
    """Return operations per hour between two samples."""
    names = sorted(set(before) | set(after))
    rates = {name: (after.get(name, 0) - before.get(name, 0)) * 3600 / seconds for name in names}
    return {name: rate for name, rate in rates.items() if rate}
