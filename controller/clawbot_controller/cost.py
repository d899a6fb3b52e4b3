"""Monthly cost of a bot, from Azure's public price list or, if unreachable, from a dated table.

List prices in US dollars without tax. The list needs no login (learn.microsoft.com, "Azure Retail
Prices REST API").
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests

from clawbot_agent.config.model import BotConfig
from clawbot_controller.deployment.file import Deployment

HOURS: Final = 730
PRICES_URL: Final = "https://prices.azure.com"
TABLE_DATE: Final = "2026-11-20"
_API: Final = "2023-01-01-preview"
_SECONDS: Final = 8
_HOURLY: Final = "1 Hour"

# dollars a month, East US; approximate for v2 sizes
_MACHINES: Final[Mapping[str, float]] = {
    "standard_b1ms": 15.11,
    "standard_b2s": 30.37,
    "standard_b2als_v2": 27.45,
    "standard_b2ls_v2": 30.37,
    "standard_b2as_v2": 54.90,
    "standard_d2s_v3": 70.08,
    "standard_d2as_v5": 62.78,
}
_WEST_EUROPE: Final[Mapping[str, float]] = {
    "standard_b2als_v2": 31.50,
    "standard_b2s": 35.04,
    "standard_b2as_v2": 63.10,
}
# Standard SSD, locally redundant: largest size in GiB, name, dollars a month
_DISKS: Final = (
    (32, "E4", 2.40),
    (64, "E6", 4.80),
    (128, "E10", 9.60),
    (256, "E15", 19.20),
    (512, "E20", 38.40),
    (1024, "E30", 76.80),
)
_ADDRESS: Final = 3.65
# of an idle bot, by backend, as measured on the bench (docs/reference/drills.md)
_REQUESTS: Final[Mapping[str, float]] = {"image": 0.73, "share": 8.08}
# container image, coordination files of the instances, and small files of the bot
_FILES_GIB: Final = 1
_DOLLARS_PER_GIB: Final = 0.06
_GIBIBYTE: Final = 1 << 30
_VAULT: Final = 0.03
_RESERVED: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A billed item.

    Attributes:
        description: for the operator.
        query: OData filter on the price list.
        fits: whether an item of the list is the right one.
        table: dollars a month according to the table; None if it has no price.
    """

    description: str
    query: str
    fits: Callable[[Mapping[str, Any]], bool]
    table: float | None


class Prices:
    """Monthly prices; `verify` is a CA bundle for TLS, True = this computer's."""

    def __init__(self, url: str = PRICES_URL, *, verify: bool | str = True) -> None:
        self._url = url
        self._verify = verify
        self._known: dict[str, float | None] = {}
        self.reachable = True

    def monthly(self, meter: Meter) -> float | None:
        """Return dollars a month; None if neither the list nor the table has a price."""
        if meter.query not in self._known:
            self._known[meter.query] = self._listed(meter)
        listed = self._known[meter.query]
        return meter.table if listed is None else listed

    def _listed(self, meter: Meter) -> float | None:
        if not self.reachable:
            return None
        try:
            return self._fetch(meter)
        except (requests.RequestException, ValueError, KeyError, TypeError):
            # the estimate falls back to the table; the output names its source
            self.reachable = False
            return None

    def _fetch(self, meter: Meter) -> float | None:
        link: str | None = f"{self._url}/api/retail/prices"
        params: dict[str, str] | None = {"api-version": _API, "$filter": meter.query}
        while link:
            answer = requests.get(link, params=params, timeout=_SECONDS, verify=self._verify)
            answer.raise_for_status()
            page = answer.json()
            for item in page["Items"]:
                if meter.fits(item):
                    hourly = item["unitOfMeasure"] == _HOURLY
                    return float(item["retailPrice"]) * (HOURS if hourly else 1)
            link, params = page.get("NextPageLink"), None
        return None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the estimate; `dollars` is None if the price is unknown."""

    description: str
    dollars: float | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """Monthly cost of one bot.

    Attributes:
        source: of the prices.
    """

    bot: str
    lines: tuple[Line, ...]
    source: str

    @property
    def total(self) -> float:
        """Dollars a month, without lines of unknown price."""
        return sum(line.dollars or 0 for line in self.lines)

    def text(self) -> Iterator[str]:
        """Return lines for the operator."""
        for line in self.lines:
            dollars = "unknown" if line.dollars is None else f"${line.dollars:.2f}"
            yield f"{dollars:>8}  {line.description}"
        total = f"${self.total:.2f}"
        missing = any(line.dollars is None for line in self.lines)
        month = "a month, without items of unknown price" if missing else "a month"
        yield f"{total:>8}  {month} ({self.source})"


def estimate(deployment: Deployment, prices: Prices) -> Estimate:
    """Return the cost of a bot that runs all month."""
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


def machine(size: str, region: str) -> Meter:
    """Return the meter of a Linux machine that runs all month."""
    table = {**_MACHINES, **(_WEST_EUROPE if region == "westeurope" else {})}
    return Meter(
        description=f"{size}, {HOURS} hours",
        query=f"serviceName eq 'Virtual Machines' and armRegionName eq '{region}' "
        f"and armSkuName eq '{size}' and priceType eq 'Consumption'",
        fits=_is_plain_linux,
        table=table.get(size.lower()),
    )


def address(region: str) -> Meter:
    """Return the meter of a public IPv4 address of the Standard SKU."""
    return Meter(
        description="public address",
        query=f"serviceName eq 'Virtual Network' and armRegionName eq '{region}' "
        "and meterName eq 'Standard IPv4 Static Public IP' and priceType eq 'Consumption'",
        fits=lambda item: item.get("retailPrice", 0) > 0,
        table=_ADDRESS,
    )


def disk(gib: int, region: str) -> Meter:
    """Return the meter of an OS disk, which is billed as the next larger class."""
    limit, name, dollars = next(one for one in _DISKS if gib <= one[0])
    return Meter(
        description=f"OS disk, Standard SSD {name} ({limit} GiB)",
        query=f"serviceName eq 'Storage' and armRegionName eq '{region}' "
        f"and meterName eq '{name} LRS Disk' and priceType eq 'Consumption'",
        fits=lambda item: "Standard SSD" in str(item.get("productName")),
        table=dollars,
    )


def _share(config: BotConfig) -> Iterator[Line]:
    # the data image is sparse, but billed by its nominal size
    image = config.state.image_size_bytes // _GIBIBYTE if config.state_backend == "image" else 0
    size = image + _FILES_GIB
    yield Line(f"share, about {size} GiB", size * _DOLLARS_PER_GIB)
    yield Line("requests to the share when idle", _REQUESTS[config.state_backend])


def _line(count: int, meter: Meter, dollars: float | None) -> Line:
    text = meter.description if count == 1 else f"{count} x {meter.description}"
    return Line(text, None if dollars is None else count * dollars)


def _is_plain_linux(item: Mapping[str, Any]) -> bool:
    sku = str(item.get("skuName"))
    windows = "Windows" in str(item.get("productName"))
    return not windows and "Spot" not in sku and "Low Priority" not in sku
