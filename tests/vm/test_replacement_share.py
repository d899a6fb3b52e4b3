"""As `test_replacement`, with the state as files on the share; and a release with another hash."""

import pytest

from tests.bench.product_vm import BotVms
from tests.drills.ground import Ground
from tests.drills.replacement import replacement
from tests.drills.report import Report
from tests.drills.wrong_hash import wrong_hash

pytestmark = pytest.mark.extended("vm-replacement")


def test_killed_instance_with_state_files_on_the_share_is_replaced(
    bots: BotVms, report: Report
) -> None:
    ground = Ground(bots, backend="share", share="files", prefix="files-", baked_image=True)
    ground.prepare()
    last = replacement(ground, report, texts=50)
    last.vm.delete()
    assert report.broken == []


def test_wrong_hash_installs_nothing(bots: BotVms, report: Report) -> None:
    wrong_hash(Ground(bots), report)
    assert report.broken == []
