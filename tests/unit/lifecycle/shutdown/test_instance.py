"""The instance during a shutdown: commands for systemd, Docker and the kernel."""

import json
import os
from pathlib import Path

import pytest

from clawbot_agent.core.paths import BACKOFF_FILE
from clawbot_agent.host.commands import CommandTimeoutError
from clawbot_agent.host.lock import run_lock
from clawbot_agent.lifecycle.shutdown import instance as module
from clawbot_agent.lifecycle.shutdown.instance import ShutdownInstance
from clawbot_agent.records import lease
from clawbot_agent.records.lease import LeaseReport, LeaseState
from tests.fakes import FakeClock, FakeFiles, FakeRun, fake_host

GATEWAY = "clawbot-gateway.service"
LEASE = "clawbot-lease.service"
TIMER = "clawbot-reconcile.timer"


@pytest.fixture
def run() -> FakeRun:
    """A machine with a running bot."""
    made = FakeRun()
    for unit in (GATEWAY, LEASE, TIMER, "clawbot-reconcile.service"):
        made.unit(unit)
    made.answer("docker")
    made.answer("kill")
    return made


def test_present_run_is_terminated(
    run: FakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "run.lock"
    monkeypatch.setattr(module, "LOCK_FILE", lock)
    leaving = ShutdownInstance(fake_host(run=run))
    with run_lock(lock, clock=FakeClock(), command="run"):
        assert not leaving.runs_are_over()
        leaving.stop_runs()
    assert leaving.runs_are_over()
    assert run.argvs == [
        ("systemctl", "stop", "--no-block", TIMER),
        ("kill", "-s", "TERM", str(os.getpid())),
    ]


def test_no_process_gets_a_signal_without_a_run(
    run: FakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock's file keeps the last holder's process id."""
    lock = tmp_path / "run.lock"
    lock.write_text(json.dumps({"pid": 1, "started": "then", "command": "run"}))
    monkeypatch.setattr(module, "LOCK_FILE", lock)
    ShutdownInstance(fake_host(run=run)).stop_runs()
    assert run.argvs == [("systemctl", "stop", "--no-block", TIMER)]


@pytest.mark.parametrize(
    ("active", "over"),
    [("active", False), ("deactivating", False), ("inactive", True), ("failed", True)],
)
def test_gateway_and_lease_are_over_when_their_units_are(active: str, over: bool) -> None:  # noqa: FBT001 - a table's column
    run = FakeRun()
    run.unit(GATEWAY, active=active)
    run.unit(LEASE, active=active)
    leaving = ShutdownInstance(fake_host(run=run))
    assert leaving.gateway_is_over() is over
    assert leaving.release_is_over() is over


def test_missing_unit_is_over() -> None:
    assert ShutdownInstance(fake_host(run=FakeRun())).gateway_is_over()


@pytest.mark.parametrize(
    ("report", "problem"),
    [
        (None, ""),
        (LeaseReport(state=LeaseState.RELEASED), ""),
        (LeaseReport(state=LeaseState.LOST, problem="state is mounted"), "state is mounted"),
        (LeaseReport(state=LeaseState.HELD), "the lease was not released"),
    ],
)
def test_release_problem_comes_from_the_lease_report(
    report: LeaseReport | None, problem: str
) -> None:
    files = FakeFiles()
    if report is not None:
        lease.LEASE.save(files, report)
    assert ShutdownInstance(fake_host(files=files)).release_problem() == problem


def test_hanging_commands_do_not_raise() -> None:
    run = FakeRun()
    for program in ("systemctl", "docker", "sync", "kill"):
        run.fail(program, error=CommandTimeoutError("stopped, its time was used up"))
    leaving = ShutdownInstance(fake_host(run=run))
    leaving.stop_gateway()
    leaving.kill_gateway()
    leaving.release()
    leaving.return_to_work()
    assert not leaving.sync(5)
    assert not leaving.gateway_is_over()
    assert not leaving.release_is_over()


def test_return_to_work_starts_a_run_and_the_timer(run: FakeRun) -> None:
    """Without back-off, which would keep the gateway down."""
    files = FakeFiles()
    files.put(BACKOFF_FILE, "{}")
    ShutdownInstance(fake_host(run=run, files=files)).return_to_work()
    assert files.stat(BACKOFF_FILE) is None
    assert run.argvs == [
        ("systemctl", "start", "--no-block", TIMER),
        ("systemctl", "start", "--no-block", "clawbot-reconcile.service"),
    ]
