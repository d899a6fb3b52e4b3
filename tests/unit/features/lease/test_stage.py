from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

from clawbot_agent.core.constants import LEASE_UNIT
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import LEASE_FILE
from clawbot_agent.features.lease.errors import LeaseDaemonError, LeaseHeldError
from clawbot_agent.features.lease.stage import (
    SHARE_DROP_IN,
    AwaitLease,
    LeaseFacts,
    LeaseStage,
    StartLease,
    share_drop_in,
)
from clawbot_agent.host import Host
from clawbot_agent.host.commands import Completed
from clawbot_agent.host.systemd import Unit
from clawbot_agent.records.lease import FRESH_SECONDS, LEASE, Holder, LeaseReport, LeaseState
from clawbot_agent.records.record import text_of
from tests.fakes import Call, FakeClock, FakeFiles, FakeRun, a_config, fake_host

STAGE: Final = LeaseStage()
SHARE: Final = {"kind": "azure-files", "account": "acct", "name": "bot"}
CONFIG: Final = a_config(share=SHARE)
TEXT: Final = share_drop_in(CONFIG)
ACTIVE: Final = Unit("loaded", "active", "static")
OTHER: Final = Holder("id-2", "boot", "vm-2", "2026-01-01T00:00:00+00:00")
HELD: Final = LeaseReport(state=LeaseState.HELD, generation=3)
WAITING: Final = LeaseReport(
    state=LeaseState.WAITING, generation=3, waiting_for=OTHER, silent_seconds=12
)
GOOD: Final = LeaseFacts(ACTIVE, TEXT, HELD)
WAIT: Final = "wait for the lease"


@pytest.mark.parametrize(
    ("facts", "summaries"),
    [
        (GOOD, ()),
        (
            LeaseFacts(Unit("loaded", "inactive", "static"), None, None),
            (f"start {LEASE_UNIT} (not started since this boot)", WAIT),
        ),
        (replace(GOOD, unit=replace(ACTIVE, active="activating"), report=WAITING), (WAIT,)),
        (
            replace(GOOD, unit=replace(ACTIVE, active="failed")),
            (f"start {LEASE_UNIT} (it is failed)", WAIT),
        ),
        (replace(GOOD, drop_in="other"), (f"restart {LEASE_UNIT} (paths changed)", WAIT)),
        (replace(GOOD, report=None), (WAIT,)),
        # just restarted: the report is the previous daemon's
        (replace(GOOD, unit=replace(ACTIVE, active="activating")), (WAIT,)),
    ],
    ids=["held", "after a boot", "waiting", "failed", "paths changed", "silent", "old report"],
)
def test_plan(facts: LeaseFacts, summaries: tuple[str, ...]) -> None:
    assert tuple(action.summary for action in STAGE.plan(facts, CONFIG).actions) == summaries


def test_the_reason_names_the_generation() -> None:
    assert STAGE.plan(GOOD, CONFIG).reason == "held by this instance, generation 3"


def test_the_local_backend_needs_no_lease() -> None:
    assert STAGE.skip_reason(a_config()) == "the state is on the instance's own disk"
    assert STAGE.skip_reason(CONFIG) is None
    assert STAGE.skip_reason(a_config(state={"backend": "image"})) is None


def test_the_daemon_is_tied_to_the_mounted_share() -> None:
    assert TEXT.splitlines() == [
        "[Unit]",
        "RequiresMountsFor=/srv/clawbot/share",
        "BindsTo=srv-clawbot-share.mount",
        "After=srv-clawbot-share.mount",
        "AssertPathIsMountPoint=/srv/clawbot/share",
        "",
        "[Service]",
        ('Environment="CLAWBOT_SHARE=/srv/clawbot/share" "CLAWBOT_STATE=/var/lib/clawbot/state"'),
    ]


def test_the_daemon_is_not_tied_to_a_mount_when_the_share_is_a_directory() -> None:
    assert "BindsTo" not in share_drop_in(a_config(state={"backend": "image"}))


class Machine:
    """An instance whose daemon always has a fresh report, made by the test."""

    def __init__(self, report: Callable[[float], LeaseReport | None]) -> None:
        self.clock = FakeClock()
        self.notes: list[str] = []
        self.files = FakeFiles(clock=self.clock)
        self.run = FakeRun()
        self.run.unit(LEASE_UNIT, active="activating")
        self._report = report
        self.run.effect("systemctl", "show", LEASE_UNIT, act=self._shown)

    def _shown(self, _call: Call) -> Completed:
        report = self._report(self.clock.monotonic())
        if report is not None:
            text = text_of(replace(report, updated=self.clock.now()))
            self.files.put(LEASE_FILE, text)
        held = report is not None and report.state is LeaseState.HELD
        state = "active" if held else "activating"
        return Completed((), 0, f"LoadState=loaded\nActiveState={state}\nUnitFileState=static", "")

    def host(self) -> Host:
        """Return the host for an action."""
        return fake_host(run=self.run, files=self.files, clock=self.clock, note=self.notes.append)


def test_waiting_names_the_holder() -> None:
    machine = Machine(lambda now: HELD if now >= 100 else replace(WAITING, silent_seconds=int(now)))
    AwaitLease().apply(machine.host())
    assert 100 <= machine.clock.monotonic() <= 102
    assert len(machine.notes) == 6
    assert machine.notes[0] == (
        "waiting for another instance (vm-2, instance id-2, since "
        "2026-01-01T00:00:00+00:00), no heartbeat for 14 s"
    )


def test_waiting_ends_with_an_error_that_names_a_live_holder() -> None:
    machine = Machine(lambda _now: WAITING)
    with pytest.raises(LeaseHeldError, match="vm-2, instance id-2") as caught:
        AwaitLease().apply(machine.host())
    assert not caught.value.retryable
    assert machine.clock.monotonic() == pytest.approx(300, abs=2)


def test_a_daemon_without_a_report_has_its_own_error() -> None:
    machine = Machine(lambda _now: None)
    machine.run.answer("journalctl", stdout="Traceback\nImportError: x\n")
    with pytest.raises(LeaseDaemonError, match="ImportError: x"):
        AwaitLease().apply(machine.host())
    assert machine.clock.monotonic() < 60


def test_an_old_report_is_ignored() -> None:
    """Its daemon is gone."""
    files, run, clock = FakeFiles(), FakeRun(), FakeClock()
    run.unit(LEASE_UNIT)
    LEASE.save(files, replace(HELD, updated=clock.now()))
    files.put(SHARE_DROP_IN, TEXT)
    host = fake_host(files=files, run=run, clock=clock)
    assert STAGE.look(host, CONFIG).empty
    clock.advance(FRESH_SECONDS + 1)
    assert not STAGE.look(host, CONFIG).empty


def test_starting_does_not_wait_for_the_lease() -> None:
    run, files = FakeRun(), FakeFiles()
    run.answer("systemctl")
    StartLease(TEXT, "start", "not started").apply(fake_host(run=run, files=files))
    assert run.argvs == [
        ("systemctl", "daemon-reload"),
        ("systemctl", "start", "--no-block", LEASE_UNIT),
    ]
    assert files.read_text(SHARE_DROP_IN) == TEXT


def test_waiting_ends_at_once_when_the_daemon_is_not_installed() -> None:
    host = fake_host()
    with pytest.raises(ClawbotError, match="not installed"):
        AwaitLease().apply(host)
