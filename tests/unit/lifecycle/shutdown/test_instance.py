"""The instance around the daemon: what is asked of systemd, Docker and the kernel."""

import json
import os
from pathlib import Path

import pytest

from clawbot_agent.core.paths import LEASE_FILE, PACE_FILE
from clawbot_agent.features.lease.report import LeaseReport, LeaseState
from clawbot_agent.host.commands import CommandTimeoutError
from clawbot_agent.host.lock import run_lock
from clawbot_agent.lifecycle.shutdown import instance as module
from clawbot_agent.lifecycle.shutdown.instance import Instance
from tests.fakes import FakeClock, FakeFiles, FakeRun, fake_host

GATEWAY = "clawbot-gateway.service"
LEASE = "clawbot-lease.service"
TIMER = "clawbot-reconcile.timer"


@pytest.fixture
def run() -> FakeRun:
    """A machine whose bot works."""
    made = FakeRun()
    for unit in (GATEWAY, LEASE, TIMER, "clawbot-reconcile.service"):
        made.unit(unit)
    made.answer("docker")
    made.answer("kill")
    return made


def test_a_run_under_way_is_told_to_end(
    run: FakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "run.lock"
    monkeypatch.setattr(module, "LOCK_FILE", lock)
    leaving = Instance(fake_host(run=run))
    with run_lock(lock, clock=FakeClock(), command="run"):
        assert not leaving.runs_are_over()
        leaving.hold_runs()
    assert leaving.runs_are_over()
    assert run.argvs == [
        ("systemctl", "stop", "--no-block", TIMER),
        ("kill", "-s", "TERM", str(os.getpid())),
    ]


def test_without_a_run_nobody_gets_a_signal(
    run: FakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock's file keeps the name of whoever had it last."""
    lock = tmp_path / "run.lock"
    lock.write_text(json.dumps({"pid": 1, "started": "then", "command": "run"}))
    monkeypatch.setattr(module, "LOCK_FILE", lock)
    Instance(fake_host(run=run)).hold_runs()
    assert run.argvs == [("systemctl", "stop", "--no-block", TIMER)]


@pytest.mark.parametrize(
    ("active", "over"),
    [("active", False), ("deactivating", False), ("inactive", True), ("failed", True)],
)
def test_whether_gateway_and_lease_are_over(active: str, over: bool) -> None:  # noqa: FBT001 - a table's column
    run = FakeRun()
    run.unit(GATEWAY, active=active)
    run.unit(LEASE, active=active)
    leaving = Instance(fake_host(run=run))
    assert leaving.gateway_is_over() is over
    assert leaving.release_is_over() is over


def test_a_unit_that_is_not_installed_is_over() -> None:
    assert Instance(fake_host(run=FakeRun())).gateway_is_over()


@pytest.mark.parametrize(
    ("report", "problem"),
    [
        (None, ""),
        (LeaseReport(state=LeaseState.RELEASED), ""),
        (LeaseReport(state=LeaseState.LOST, problem="state is mounted"), "state is mounted"),
        (LeaseReport(state=LeaseState.HELD), "the lease was not given back"),
    ],
)
def test_how_the_release_ended(report: LeaseReport | None, problem: str) -> None:
    files = FakeFiles()
    if report is not None:
        files.put(LEASE_FILE, report.document())
    assert Instance(fake_host(files=files)).release_problem() == problem


def test_nothing_that_hangs_or_fails_is_raised() -> None:
    run = FakeRun()
    for program in ("systemctl", "docker", "sync", "kill"):
        run.fail(program, error=CommandTimeoutError("stopped, its time was used up"))
    leaving = Instance(fake_host(run=run))
    leaving.stop_gateway()
    leaving.kill_gateway()
    leaving.release()
    leaving.return_to_work()
    assert not leaving.sync(5)
    assert not leaving.gateway_is_over()
    assert not leaving.release_is_over()


def test_going_on_starts_a_run_and_the_timer(run: FakeRun) -> None:
    """And nothing rests in that run: it would leave the gateway down."""
    files = FakeFiles()
    files.put(PACE_FILE, "{}")
    Instance(fake_host(run=run, files=files)).return_to_work()
    assert files.stat(PACE_FILE) is None
    assert run.argvs == [
        ("systemctl", "start", "--no-block", TIMER),
        ("systemctl", "start", "--no-block", "clawbot-reconcile.service"),
    ]
