"""Two instances at the same time, with one set of bot data."""

import pytest

from tests.drills.report import Report
from tests.drills.two_instances import two_instances
from tests.vm.conftest import Flow

pytestmark = pytest.mark.extended("vm-two-instances")


def test_second_instance_waits_and_takes_over(flow: Flow, report: Report) -> None:
    report.figure("power-on to healthy", flow.instance.healthy())
    flow.instance = two_instances(flow.ground, report, first=flow.instance)
    assert report.broken == []
