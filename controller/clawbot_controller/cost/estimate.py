"""The month's bill of one bot, line by line."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from clawbot_controller.cost.prices import TABLE_DATE, Meter, Prices, address, disk, machine
from clawbot_controller.deployment.load import Deployment

__all__ = ["REQUESTED", "Estimate", "Line", "estimate"]

# dollars a month that the request counted for a bot of the standard tier
REQUESTED: Final = 36.50
# what an idle bot's requests to its share came to on the bench (docs/drills.md)
_SHARE_REQUESTS: Final = 1.08
_SHARE_GIB: Final = 2
_DOLLARS_PER_GIB: Final = 0.06
_VAULT: Final = 0.03
_RESERVED: Final = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill; None where no price is known."""

    says: str
    dollars: float | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """The bill of one bot.

    Attributes:
        source: where the prices are from.
    """

    bot: str
    lines: tuple[Line, ...]
    source: str

    @property
    def total(self) -> float:
        """Dollars a month, of what is known."""
        return sum(line.dollars or 0 for line in self.lines)

    def text(self) -> Iterator[str]:
        """As an operator reads it."""
        for line in self.lines:
            dollars = "unknown" if line.dollars is None else f"${line.dollars:.2f}"
            yield f"{dollars:>8}  {line.says}"
        total = f"${self.total:.2f}"
        yield f"{total:>8}  a month; the request counted ${REQUESTED:.2f} ({self.source})"


def estimate(deployment: Deployment, prices: Prices) -> Estimate:
    """What a bot costs that runs all month."""
    target = deployment.target
    billed = (
        (1, machine(target.vm_size, target.region)),
        (_RESERVED if target.address == "prefix" else 1, address(target.region)),
        (1, disk(target.disk_gib, target.region)),
    )
    lines = (
        *(_line(count, meter, prices.monthly(meter)) for count, meter in billed),
        Line(f"share, about {_SHARE_GIB} GiB", _SHARE_GIB * _DOLLARS_PER_GIB),
        Line("requests to the share, at most when idle", _SHARE_REQUESTS),
        Line("Key Vault operations", _VAULT),
    )
    source = "prices.azure.com" if prices.reachable else f"table of {TABLE_DATE}, East US"
    return Estimate(deployment.name, lines, source)


def _line(count: int, meter: Meter, dollars: float | None) -> Line:
    says = meter.says if count == 1 else f"{count} times {meter.says}"
    return Line(says, None if dollars is None else count * dollars)
