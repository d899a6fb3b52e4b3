"""Azure announces that it takes an instance, and does so as soon as it is told to go ahead."""

from typing import Any

import pytest

from tests.bench.product_vm import BotVms
from tests.drills.ground import Ground
from tests.drills.report import Report
from tests.drills.terminate import terminate

KINDS: dict[str, dict[str, Any]] = {
    "Terminate": {"notice": 300},
    "Preempt": {"notice": 30},
}

pytestmark = pytest.mark.extended("vm-leaving")


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_instance_knows_all(bots: BotVms, report: Report, kind: str) -> None:
    """The last text too, which was never flushed."""
    name = kind.lower()
    ground = Ground(bots, share=name, prefix=f"{name}-", baked_image=True)
    ground.prepare()
    last = terminate(ground, report, kind=kind, **KINDS[kind])
    last.vm.delete()
    assert report.broken == []
