"""The price of SMB operations from the kernel's counters."""

import pytest

from tests.drills.pricing import Tier, operations, per_hour

# /proc/fs/cifs/Stats of Linux 6.12, shortened
_STATS = r"""Resources in use
CIFS Session: 2
Share (unique mount targets): 4
Operations (MIDs): 0

0 session 0 share reconnects
Total vfs operations: 1605 maximum at one time: 5

Max requests in flight: 3
1) \\benchfiles.file.core.windows.net\bot
SMBs: 2311
Bytes read: 11  Bytes written: 42
Open files: 2 total (local), 2 open on server
TreeConnects: 1 total 0 failed
Creates: 100 total 7 failed
Closes: 90 total 0 failed
Writes: 30 total 0 failed
2) \\benchfiles.file.core.windows.net\bot
SMBs: 11
Open files: 0 total (local), 0 open on server
Creates: 5 total 0 failed
QueryInfos: 4 total 0 failed
"""


def test_counters_of_all_mounts_are_summed() -> None:
    assert operations(_STATS) == {
        "TreeConnects": 1,
        "Creates": 105,
        "Closes": 90,
        "Writes": 30,
        "QueryInfos": 4,
    }


def test_no_operations_without_a_mount() -> None:
    assert not operations("Resources in use\nCIFS Session: 0\n")


def test_rates_count_operations_between_two_samples() -> None:
    rates = per_hour({"Creates": 10, "Reads": 3}, {"Creates": 30, "Reads": 3}, 600)
    assert rates == {"Creates": 120}


@pytest.mark.parametrize(
    ("name", "dollars"),
    [("Creates", 0.73), ("Writes", 0.73), ("SetInfos", 0.73), ("Closes", 0.073), ("Reads", 0.073)],
)
def test_only_writes_cost_the_price_of_writes(name: str, dollars: float) -> None:
    tier = Tier("any", write=0.01, other=0.001)
    assert tier.monthly({name: 1000}) == pytest.approx(dollars)
