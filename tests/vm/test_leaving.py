"""Azure announces that it will delete or evict an instance; it does so after the approval."""

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
def test_next_instance_has_all_texts(bots: BotVms, report: Report, kind: str) -> None:
    """Including the last text, which was not flushed before the event."""
    name = kind.lower()
    ground = Ground(bots, share=name, prefix=f"{name}-", baked_image=True)
    ground.prepare()
    last = terminate(ground, report, kind=kind, **KINDS[kind])
    last.vm.delete()
    assert report.broken == []
