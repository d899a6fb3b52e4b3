"""The month's bill of one bot, line by line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_controller.cost.prices import TABLE_DATE, Meter, Prices, address, disk, machine
from clawbot_controller.deployment.load import Deployment

__all__ = ["REQUESTED", "Estimate", "Line", "estimate"]

# dollars a month that the request counted for a bot of the standard tier
REQUESTED: Final = 36.50
# of an idle bot, by backend, as measured on the bench (docs/reference/drills.md)
_REQUESTS: Final[Mapping[str, float]] = {"image": 0.73, "share": 8.08}
# the container's image, what successive instances tell each other, and files of the bot
_FILES_GIB: Final = 1
_DOLLARS_PER_GIB: Final = 0.06
_GIBIBYTE: Final = 1 << 30
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
        missing = any(line.dollars is None for line in self.lines)
        month = "a month, without what is unknown" if missing else "a month"
        yield f"{total:>8}  {month}; the request counted ${REQUESTED:.2f} ({self.source})"


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
        *_share(deployment.config),
        Line("Key Vault operations", _VAULT),
    )
    source = "prices.azure.com" if prices.reachable else f"table of {TABLE_DATE}, East US"
    return Estimate(deployment.name, lines, source)


def _share(config: BotConfig) -> Iterator[Line]:
    # the image is sparse, but billed by its size
    image = config.state.image_size_bytes // _GIBIBYTE if config.state_backend == "image" else 0
    size = image + _FILES_GIB
    yield Line(f"share, about {size} GiB", size * _DOLLARS_PER_GIB)
    yield Line("requests to the share when idle", _REQUESTS[config.state_backend])


def _line(count: int, meter: Meter, dollars: float | None) -> Line:
    says = meter.says if count == 1 else f"{count} times {meter.says}"
    return Line(says, None if dollars is None else count * dollars)
