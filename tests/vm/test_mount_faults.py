"""Faults that prevent a share from being mounted, or make a mounted share unusable."""

import pytest

from tests.bench.product_vm import BotVms
from tests.drills.mount_faults import mount_faults
from tests.drills.report import Report

pytestmark = pytest.mark.extended("vm-storage")


def test_each_mount_fault_has_its_code_and_clears(bots: BotVms, report: Report) -> None:
    """On a machine without a gateway."""
    mount_faults(bots, report)
    assert report.broken == []
