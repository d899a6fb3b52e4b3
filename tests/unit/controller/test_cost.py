"""Monthly cost, from the price list or, if unreachable, from the dated table."""

from typing import Any

import pytest
import requests

from clawbot_controller.cost import HOURS, Prices, estimate, machine
from tests.support.deployments import deployment


class Answer:
    """The answer of requests.get."""

    def __init__(self, page: dict[str, Any]) -> None:
        self._page = page

    def raise_for_status(self) -> None:
        """Do nothing: the status is 200."""

    def json(self) -> dict[str, Any]:
        """Return the page."""
        return self._page


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []

    def get(link: str, **_options: object) -> Answer:
        asked.append(link)
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "get", get)
    return asked


def test_table_prices_standard_bot_when_list_is_unreachable(offline: list[str]) -> None:
    found = estimate(deployment(), Prices())
    # the budget of a standard bot in the original request: $36.50
    assert 30 < found.total < 36.50
    text = "\n".join(found.text())
    assert "a month (table of 2026-" in text
    assert "Standard_B2als_v2, 730 hours" in text
    # an unreachable list is requested once, not for every line
    assert len(offline) == 1


def test_two_reserved_addresses_are_both_billed(offline: list[str]) -> None:
    assert offline == []
    one = estimate(deployment(), Prices())
    two = estimate(deployment(address="prefix"), Prices())
    assert two.total - one.total == pytest.approx(3.65)


@pytest.mark.parametrize(
    ("state", "line"),
    [
        ({}, "$0.54  share, about 9 GiB"),
        ({"image_size": "20g"}, "$1.26  share, about 21 GiB"),
        ({"backend": "share"}, "$0.06  share, about 1 GiB"),
        ({"backend": "share"}, "$8.08  requests to the share when idle"),
    ],
)
def test_share_is_billed_by_size_and_requests(
    offline: list[str], state: dict[str, str], line: str
) -> None:
    assert offline == []
    found = estimate(deployment(bot={"state": state}), Prices())
    assert line in [one.strip() for one in found.text()]


def test_size_without_price_is_listed_as_unknown(offline: list[str]) -> None:
    assert offline == []
    text = "\n".join(estimate(deployment(size="Standard_X1"), Prices()).text())
    assert " unknown  Standard_X1" in text
    assert "a month, without items of unknown price" in text


@pytest.mark.parametrize(("gib", "dollars"), [(30, 2.40), (33, 4.80), (1024, 76.80)])
def test_disk_is_billed_by_its_class(offline: list[str], gib: int, dollars: float) -> None:
    assert offline == []
    lines = {
        line.description: line.dollars
        for line in estimate(deployment(disk_gib=gib), Prices()).lines
    }
    assert [price for text, price in lines.items() if text.startswith("OS disk")] == [dollars]


def test_price_is_found_on_second_page_of_list(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {"retailPrice": 0.04, "unitOfMeasure": "1 Hour", "productName": "Basv2", "skuName": "B"}
    windows = {**plain, "productName": "Basv2 Windows", "retailPrice": 9}
    spot = {**plain, "skuName": "B Spot", "retailPrice": 0.01}
    pages: dict[str, dict[str, Any]] = {
        "https://prices.azure.com/api/retail/prices": {
            "Items": [windows, spot],
            "NextPageLink": "next",
        },
        "next": {"Items": [plain], "NextPageLink": None},
    }
    monkeypatch.setattr(requests, "get", lambda link, **_options: Answer(pages[link]))
    meter = machine("Standard_B2als_v2", "eastus")
    assert Prices().monthly(meter) == pytest.approx(0.04 * HOURS)
