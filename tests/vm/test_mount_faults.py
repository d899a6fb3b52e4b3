"""What keeps a share from being mounted, or makes a mounted one useless."""

import pytest

from tests.bench.product_vm import BotVms
from tests.drills.mount_faults import mount_faults
from tests.drills.report import Report

pytestmark = pytest.mark.extended("vm-storage")


def test_each_fault_of_the_mount_has_a_code_and_passes(bots: BotVms, report: Report) -> None:
    """On a machine without a gateway."""
    mount_faults(bots, report)
    assert report.broken == []
