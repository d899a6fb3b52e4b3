"""A machine in QEMU: several processors, firmware, and devices like Azure's."""

import pytest

from tests.bench.product_vm import BotVms
from tests.drills.before_gateway import before_gateway
from tests.drills.ground import Ground
from tests.drills.report import Report

pytestmark = pytest.mark.extended("vm-emulated")


def test_emulated_machine_converges_up_to_the_gateway(emulated: BotVms, report: Report) -> None:
    ground = Ground(emulated, share="emulated", prefix="emulated", baked_image=True)
    ground.prepare(seed=False)
    before_gateway(ground, report)
    assert report.broken == []
