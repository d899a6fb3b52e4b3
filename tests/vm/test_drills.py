"""The longest drills (docs/reference/drills.md)."""

import pytest

from tests.bench.product_vm import BotVms
from tests.drills.controlled import controlled
from tests.drills.ground import Ground
from tests.drills.power_cuts import in_lanes
from tests.drills.replacement import replacement
from tests.drills.report import Report


@pytest.mark.extended("drill-controlled")
def test_controller_creates_reimages_and_destroys_a_bot(bots: BotVms, report: Report) -> None:
    controlled(bots, report)
    assert report.broken == []


@pytest.mark.extended("drill-build")
def test_first_instance_builds_the_image_and_the_next_loads_it(
    bots: BotVms, report: Report
) -> None:
    ground = Ground(bots, share="build", prefix="build-")
    ground.prepare(seed=False)
    last = replacement(ground, report, built=True)
    last.vm.delete()
    assert report.broken == []


@pytest.mark.extended("drill-power-cuts")
def test_two_bots_survive_repeated_power_cuts(bots: BotVms, report: Report) -> None:
    lanes = [
        Ground(bots, share=f"lane{lane}", prefix=f"lane{lane}-", baked_image=True)
        for lane in range(2)
    ]
    for ground in lanes:
        ground.prepare()
    in_lanes(lanes, report, count=10, seed=1)
    assert report.broken == []
