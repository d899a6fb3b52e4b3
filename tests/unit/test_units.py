"""systemctl as it is asked, and what is made of its answers."""

import pytest

from clawbot_agent.host.systemd import Unit, UnitFailedError
from tests.fakes import FakeRun, fake_host


@pytest.mark.parametrize(
    ("active", "running", "over"),
    [
        ("active", True, False),
        ("activating", False, False),
        ("deactivating", False, False),
        ("inactive", False, True),
        ("failed", False, True),
    ],
)
def test_a_unit_that_systemd_is_at_work_on_is_neither_up_nor_over(
    active: str,
    running: bool,  # noqa: FBT001 - a table
    over: bool,  # noqa: FBT001 - a table
) -> None:
    unit = Unit(load="loaded", active=active, enabled="static")
    assert (unit.running, unit.over) == (running, over)


def test_failed_unit_change_quotes_the_units_journal() -> None:
    run = FakeRun()
    run.answer("systemctl", "start", "x.service", returncode=1, stderr="Job failed.\n")
    run.answer("journalctl", stdout="no such\nthing\n")
    with pytest.raises(UnitFailedError, match=r"start x\.service: Job failed\.; no such thing"):
        fake_host(run=run).units.change("start", "x.service")


def test_without_waiting_systemd_is_only_asked() -> None:
    run = FakeRun()
    run.unit("x.service")
    fake_host(run=run).units.change("stop", "x.service", wait=False)
    assert run.argvs == [("systemctl", "stop", "--no-block", "x.service")]
