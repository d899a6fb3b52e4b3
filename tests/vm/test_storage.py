"""What may happen to the share and to what is being written to it; one bot goes through it all."""

import pytest

from tests.drills.frozen import frozen
from tests.drills.outage import outage
from tests.drills.power_cuts import power_cuts
from tests.drills.report import Report
from tests.vm.conftest import Flow

pytestmark = pytest.mark.extended("vm-storage")


def test_the_server_of_the_share_is_away_for_a_minute(flow: Flow, report: Report) -> None:
    report.figure("power-on to healthy", flow.instance.healthy())
    outage(flow.ground, report, instance=flow.instance)
    assert report.broken == []


def test_many_moments_of_one_writing(flow: Flow, report: Report) -> None:
    frozen(flow.ground, report, count=5, instance=flow.instance)
    assert report.broken == []


def test_power_cuts_while_it_writes(flow: Flow, report: Report) -> None:
    """Twice; after the second, another instance boots."""
    flow.instance = power_cuts(
        flow.ground, report, count=2, replace_every=2, instance=flow.instance
    )
    assert report.broken == []
