"""Faults of the share, and power cuts during writes; one bot passes through all tests."""

import pytest

from tests.drills.frozen import frozen
from tests.drills.outage import outage
from tests.drills.power_cuts import power_cuts
from tests.drills.report import Report
from tests.vm.conftest import Flow

pytestmark = pytest.mark.extended("vm-storage")


def test_share_outage_of_a_minute_loses_nothing(flow: Flow, report: Report) -> None:
    report.figure("power-on to healthy", flow.instance.healthy())
    outage(flow.ground, report, instance=flow.instance)
    assert report.broken == []


def test_state_frozen_during_a_write_is_recoverable(flow: Flow, report: Report) -> None:
    frozen(flow.ground, report, count=5, instance=flow.instance)
    assert report.broken == []


def test_power_cuts_during_writes_lose_no_flushed_text(flow: Flow, report: Report) -> None:
    """Twice; after the second, another instance boots."""
    flow.instance = power_cuts(
        flow.ground, report, count=2, replace_every=2, instance=flow.instance
    )
    assert report.broken == []
