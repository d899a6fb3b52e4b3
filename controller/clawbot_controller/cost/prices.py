"""Prices: from Azure's public price list when it answers, else from a dated table.

List prices in US dollars without tax. The list: learn.microsoft.com, "Azure Retail Prices REST
API"; it needs no login.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests

__all__ = ["HOURS", "PRICES_URL", "TABLE_DATE", "Meter", "Prices", "address", "disk", "machine"]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Something that is billed by the month.

    Attributes:
        says: for the operator.
        query: OData filter on the price list.
        fits: which of the found items is meant.
        table: dollars a month by the table; None when it does not know.
    """

    says: str
    query: str
    fits: Callable[[Mapping[str, Any]], bool]
    table: float | None


class Prices:
    """Monthly prices.

    Args:
        url: of the price list.
        verify: CA bundle; True = the machine's.
    """

    def __init__(self, url: str = PRICES_URL, *, verify: bool | str = True) -> None:
        """See the class."""
        self._url = url
        self._verify = verify
        self._known: dict[str, float | None] = {}
        self.reachable = True

    def monthly(self, meter: Meter) -> float | None:
        """Dollars a month; None when neither list nor table knows."""
        if meter.query not in self._known:
            self._known[meter.query] = self._listed(meter)
        listed = self._known[meter.query]
        return meter.table if listed is None else listed

    def _listed(self, meter: Meter) -> float | None:
        if not self.reachable:
            return None
        try:
            return self._asked(meter)
        except (requests.RequestException, ValueError, KeyError, TypeError):
            # an estimate is no reason to fail; the output says which list it is from
            self.reachable = False
            return None

    def _asked(self, meter: Meter) -> float | None:
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


def machine(size: str, region: str) -> Meter:
    """A running machine with Linux, paid by the hour."""
    table = {**_MACHINES, **(_WEST_EUROPE if region == "westeurope" else {})}
    return Meter(
        says=f"{size}, {HOURS} hours",
        query=f"serviceName eq 'Virtual Machines' and armRegionName eq '{region}' "
        f"and armSkuName eq '{size}' and priceType eq 'Consumption'",
        fits=_is_plain_linux,
        table=table.get(size.lower()),
    )


def address(region: str) -> Meter:
    """A public IPv4 address of the Standard SKU."""
    return Meter(
        says="public address",
        query=f"serviceName eq 'Virtual Network' and armRegionName eq '{region}' "
        "and meterName eq 'Standard IPv4 Static Public IP' and priceType eq 'Consumption'",
        fits=lambda item: item.get("retailPrice", 0) > 0,
        table=_ADDRESS,
    )


def disk(gib: int, region: str) -> Meter:
    """An OS disk: billed by the next larger class."""
    limit, name, dollars = next(one for one in _DISKS if gib <= one[0])
    return Meter(
        says=f"OS disk, Standard SSD {name} ({limit} GiB)",
        query=f"serviceName eq 'Storage' and armRegionName eq '{region}' "
        f"and meterName eq '{name} LRS Disk' and priceType eq 'Consumption'",
        fits=lambda item: "Standard SSD" in str(item.get("productName")),
        table=dollars,
    )


def _is_plain_linux(item: Mapping[str, Any]) -> bool:
    sku = str(item.get("skuName"))
    windows = "Windows" in str(item.get("productName"))
    return not windows and "Spot" not in sku and "Low Priority" not in sku
