"""Azure's retail prices at prices.azure.com, without a token and in pages.

Shape: MicrosoftDocs/cost-management, retail-prices API; amounts from public tables of
November 2026. The filter supports "and", "eq" and "contains(field, 'text')".

Knobs: ``page`` (items per page), ``script`` (statuses for the next requests), ``down``,
``multiply`` (factor for all prices).
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from tests.bench.azure.knobs import Knobs
from tests.bench.azure.messages import DROP, Reply, Request, json_reply

PATH: Final = "/api/retail/prices"
_EQUAL: Final = re.compile(r"(?P<field>\w+) eq '(?P<text>[^']*)'", re.IGNORECASE)
_CONTAINS: Final = re.compile(r"contains\((?P<field>\w+), *'(?P<text>[^']*)'\)", re.IGNORECASE)
_MACHINES: Final = "Virtual Machines"
# US dollars per hour, Linux, pay as you go
_HOURLY: Final = {
    "eastus": {
        "Standard_B1ms": ("BS Series", 0.0207),
        "Standard_B2s": ("BS Series", 0.0416),
        "Standard_B2ats_v2": ("Basv2 Series", 0.0094),
        "Standard_B2als_v2": ("Basv2 Series", 0.0376),
        "Standard_B2as_v2": ("Basv2 Series", 0.0752),
        "Standard_B2ls_v2": ("Bsv2 Series", 0.0416),
        "Standard_B2s_v2": ("Bsv2 Series", 0.0832),
        "Standard_D2s_v3": ("DSv3 Series", 0.096),
        "Standard_D2as_v5": ("Dasv5 Series", 0.086),
    },
    "westeurope": {
        "Standard_B1ms": ("BS Series", 0.024),
        "Standard_B2s": ("BS Series", 0.048),
        "Standard_B2als_v2": ("Basv2 Series", 0.0432),
        "Standard_B2as_v2": ("Basv2 Series", 0.0864),
        "Standard_D2s_v3": ("DSv3 Series", 0.115),
    },
}
# service, product, sku, meter, unit, price; the same in every region
_OTHERS: Final = (
    ("Storage", "Standard SSD Managed Disks", "E4 LRS", "E4 LRS Disk", "1/Month", 2.4),
    ("Storage", "Files v2", "Hot LRS", "Hot LRS Data Stored", "1 GB/Month", 0.0255),
    ("Storage", "Files v2", "Transaction Optimized LRS", "LRS Data Stored", "1 GB/Month", 0.06),
    ("Storage", "Files v2", "Transaction Optimized LRS", "LRS Write Operations", "10K", 0.015),
    (
        *("Virtual Network", "IP Addresses", "Standard", "Standard IPv4 Static Public IP"),
        *("1 Hour", 0.005),
    ),
    ("Key Vault", "Key Vault", "Standard", "Operations", "10K", 0.03),
    ("Bandwidth", "Rtn Preference: MGN", "Standard", "Standard Data Transfer Out", "1 GB", 0.087),
)


class Prices:
    """Serves prices.azure.com."""

    def __init__(self) -> None:
        self.knobs = Knobs(page=100, script=[], down=False, multiply=1.0)

    def change(self, state: Mapping[str, object]) -> None:
        """Apply a state change.

        Raises:
            KnobError: a bad knob.
        """
        self.knobs.change(state)

    def snapshot(self) -> dict[str, object]:
        """The knobs."""
        return self.knobs.snapshot()

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        if self.knobs["down"]:
            return DROP
        if status := self.knobs.next_status():
            return json_reply(status, {"Error": {"Code": status, "Message": "Scripted."}})
        if request.path != PATH or request.method != "GET":
            return json_reply(404, {"Error": {"Code": 404, "Message": "Not found."}})
        wanted = request.parameter("$filter") or ""
        found = [item for item in self._items() if _matches(item, wanted)]
        start, size = int(request.parameter("$skip") or 0), self.knobs["page"]
        following = None
        if start + size < len(found):
            host = request.headers.get("host", request.host)
            version = request.parameter("api-version") or "2023-01-01-preview"
            query = f"api-version={version}&$filter={quote(wanted)}&$skip={start + size}"
            following = f"https://{host}{PATH}?{query}"
        items = found[start : start + size]
        content = {
            "BillingCurrency": "USD",
            "CustomerEntityId": "Default",
            "CustomerEntityType": "Retail",
            "Items": items,
            "NextPageLink": following,
            "Count": len(items),
        }
        return json_reply(200, content)

    def _items(self) -> list[dict[str, Any]]:
        items = []
        for region, sizes in _HOURLY.items():
            for size, (series, price) in sizes.items():
                items += _machine(region, size, series, price)
            items += [_item(region, *other) for other in _OTHERS]
        factor = self.knobs["multiply"]
        for item in items:
            for name in ("retailPrice", "unitPrice"):
                item[name] = round(item[name] * factor, 6)
        return items


def _machine(region: str, size: str, series: str, price: float) -> list[dict[str, Any]]:
    """Return a size's prices: Linux, and others that must not be mistaken for it."""
    name = size.removeprefix("Standard_").replace("_", " ")
    product = f"Virtual Machines {series}"
    hour = "1 Hour"
    found = [
        _item(region, _MACHINES, product, name, name, hour, price),
        _item(region, _MACHINES, f"{product} Windows", name, name, hour, price * 1.4),
        _item(region, _MACHINES, product, f"{name} Spot", f"{name} Spot", hour, price / 5),
        _item(region, _MACHINES, product, f"{name} Low Priority", name, hour, price / 4),
    ]
    reserved = _item(region, _MACHINES, product, name, name, hour, price * 8760 * 0.6)
    found.append({**reserved, "type": "Reservation", "reservationTerm": "1 Year"})
    return [{**item, "armSkuName": size} for item in found]


def _item(  # noqa: PLR0913, PLR0917 - the columns of a price
    region: str, service: str, product: str, sku: str, meter: str, unit: str, price: float
) -> dict[str, Any]:
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        "retailPrice": price,
        "unitPrice": price,
        "armRegionName": region,
        "location": region,
        "effectiveStartDate": "2026-01-01T00:00:00Z",
        "meterName": meter,
        "productName": product,
        "skuName": sku,
        "serviceName": service,
        "serviceFamily": "Compute",
        "unitOfMeasure": unit,
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": "",
    }


def _matches(item: Mapping[str, Any], wanted: str) -> bool:
    # the filter's name for this field differs from the items'
    names = {"pricetype": "type"}
    fields = {name.lower(): str(value) for name, value in item.items()}

    def value(field: str) -> str:
        return fields.get(names.get(field.lower(), field.lower()), "")

    equal = all(value(match["field"]) == match["text"] for match in _EQUAL.finditer(wanted))
    within = all(match["text"] in value(match["field"]) for match in _CONTAINS.finditer(wanted))
    return equal and within
