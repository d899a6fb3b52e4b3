"""An instance is deleted without notice, and the next one is the same bot."""

import pytest

from tests.drills.replacement import replacement
from tests.drills.report import Report
from tests.vm.conftest import Flow

pytestmark = pytest.mark.extended("vm-replacement")


def test_killed_instance_is_replaced_without_data_loss(flow: Flow, report: Report) -> None:
    """Another machine, an empty disk, the same bot data."""
    report.figure("power-on to healthy", flow.instance.healthy())
    flow.instance = replacement(flow.ground, report, texts=20, first=flow.instance)
    assert report.broken == []
