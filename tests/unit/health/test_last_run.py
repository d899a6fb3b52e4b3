"""The last run as a component."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import pytest

from clawbot_agent.core.errors import FailureCause
from clawbot_agent.core.paths import STATUS_FILE
from clawbot_agent.engine.finding import Finding
from clawbot_agent.health import last_run
from clawbot_agent.health.last_run import LastRunCheck
from clawbot_agent.host.commands import CommandMissingError
from clawbot_agent.records.record import text_of
from clawbot_agent.records.run import Result, RunStatus, StageError, StageState, StageStatus
from tests.fakes import FakeFiles, FakeRun, fake_host
from tests.support.error_refs import cause_of, error_refs

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
T: Final = "2026-01-01T00:00:00+00:00"
BOOT: Final = "this-boot"
HOLDER: Final = "pid 7"
EXITED: Final = "ExecMainExitTimestampMonotonic"


def stage(name: str, state: str, code: str | None = None) -> StageStatus:
    error = None
    if code is not None:
        cause = FailureCause(cause_of(code))
        error = StageError(code, "message", "hint", retryable=False, cause=cause)
    return StageStatus(name, "node", StageState(state), error=error)


def status(result: str, *stages: StageStatus, boot: str = BOOT) -> str:
    run = RunStatus(
        instance_id="i",
        boot_id=boot,
        agent_version="1",
        started=NOW,
        result=Result(result),
        finished=None if result == "running" else NOW,
        stages=stages,
    )
    return text_of(run)


RUNNING: Final = status(
    "running", stage("apt", "changed"), stage("image", "running"), stage("caddy", "pending")
)


@dataclass
class Machine:
    """A boot with a status file, a lock, and systemd's record of the boot's run."""

    monkeypatch: pytest.MonkeyPatch
    files: FakeFiles = field(default_factory=FakeFiles)
    run: FakeRun = field(default_factory=FakeRun)
    check: LastRunCheck = field(default_factory=LastRunCheck)

    def checked(
        self,
        text: str | None,
        *,
        locked: bool,
        up: float = 60,
        exited: str = "0",
        status: int = 0,
    ) -> Finding:
        """Check such a machine."""
        self.files.put("/proc/sys/kernel/random/boot_id", f"{BOOT}\n")
        self.files.put("/proc/uptime", f"{up} 1.0\n")
        if text is not None:
            self.files.put(STATUS_FILE, text)
        shown = f"{EXITED}={exited}\nExecMainStatus={status}\n"
        self.run.answer("systemctl", "show", "clawbot-agent.service", stdout=shown)
        holder = HOLDER if locked else None
        self.monkeypatch.setattr(last_run, "holder_of", lambda _path: holder)
        return self.check(fake_host(files=self.files, run=self.run))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


@pytest.mark.parametrize(
    ("text", "locked", "up", "state", "reason"),
    [
        (None, False, 60, "starting", "no run yet, 60 s after the boot"),
        (None, True, 60, "starting", "the boot's run begins"),
        (None, False, 1000, "warning", "no run since the boot 17 min ago"),
        (status("converged", boot="old"), False, 60, "starting", "no run yet, 60 s"),
        (status("failed", boot="old"), True, 1000, "starting", "the boot's run begins"),
        (
            RUNNING,
            True,
            60,
            "starting",
            "1 of 3 stages of the boot's run are done, now image",
        ),
        (RUNNING, False, 60, "warning", "interrupted: 1 of 3 stages"),
        (status("converged"), False, 60, "ok", f"converged at {T}"),
        (
            status(
                "degraded",
                stage("apt", "changed"),
                stage("sysbox", "degraded", "GATEWAY_NOT_READY"),
            ),
            False,
            60,
            "warning",
            f"degraded at {T}: sysbox GATEWAY_NOT_READY",
        ),
        (
            status("failed", stage("share", "failed", "SHARE_PORT_BLOCKED")),
            False,
            60,
            "failed",
            f"failed at {T}: share SHARE_PORT_BLOCKED",
        ),
        (
            status("interrupted"),
            False,
            60,
            "warning",
            f"interrupted at {T}: no stage reports an error",
        ),
    ],
)
def test_last_run(  # noqa: PLR0913 - the columns of a table
    machine: Machine, text: str | None, *, locked: bool, up: float, state: str, reason: str
) -> None:
    found = machine.checked(text, locked=locked, up=up)
    assert found.state == state
    assert found.reason.startswith(reason)


def test_later_run_is_no_new_start(machine: Machine) -> None:
    """Else each run of the timer would take the bot out of service."""
    machine.checked(status("converged"), locked=False)
    assert machine.checked(RUNNING, locked=True).state == "ok"


def test_failure_stays_known_during_the_next_run(machine: Machine) -> None:
    machine.checked(status("failed", stage("share", "failed", "SHARE_HUNG")), locked=False)
    assert machine.checked(RUNNING, locked=True).state == "failed"


def test_restarted_sidecar_learns_from_systemd_that_the_boots_run_is_over(machine: Machine) -> None:
    assert machine.checked(RUNNING, locked=True, exited="81234567").state == "ok"


@pytest.mark.parametrize("up", [60, 1000])
def test_boots_run_that_ended_without_a_status_had_an_invalid_configuration(
    machine: Machine, up: float
) -> None:
    found = machine.checked(None, locked=False, up=up, exited="81234567", status=2)
    assert (found.state, found.errors) == ("failed", error_refs("CONFIG_INVALID"))
    assert "config check" in found.reason


@pytest.mark.parametrize(("exited", "status"), [("0", 2), ("0", 0), ("81234567", 1)])
def test_configuration_is_not_invalid_while_the_run_has_not_ended_so(
    machine: Machine, exited: str, status: int
) -> None:
    found = machine.checked(None, locked=False, up=60, exited=exited, status=status)
    assert (found.state, found.errors) == ("starting", ())


def test_pending_run_is_found_without_systemd(machine: Machine) -> None:
    machine.run.fail("systemctl", error=CommandMissingError("systemctl: none"))
    assert machine.checked(None, locked=False, up=60).state == "starting"


def test_ended_run_is_found_without_systemd(machine: Machine) -> None:
    machine.run.fail("systemctl", error=CommandMissingError("systemctl: none"))
    assert machine.checked(status("converged"), locked=False).state == "ok"


def test_failed_run_names_the_errors_of_its_failed_stages(machine: Machine) -> None:
    """An error that only degrades a bot says nothing about a new instance."""
    text = status(
        "failed",
        stage("sysbox", "degraded", "SHA256_MISMATCH"),
        stage("secrets", "failed", "KEYVAULT_FORBIDDEN"),
        stage("gateway", "skipped"),
    )
    assert machine.checked(text, locked=False).errors == error_refs("KEYVAULT_FORBIDDEN")


def test_interrupted_run_names_no_errors(machine: Machine) -> None:
    text = status("interrupted", stage("apt", "failed", "INTERRUPTED"))
    assert machine.checked(text, locked=False).errors == ()


def test_run_beside_the_bot_has_a_figure(machine: Machine) -> None:
    """It may take the gateway down for a while; the boot's own run is 'starting'."""
    assert machine.checked(RUNNING, locked=True).figures == {}
    assert machine.checked(status("converged"), locked=False).figures == {}
    found = machine.checked(RUNNING, locked=True)
    assert found.figures == {"under_way": 1}


def test_error_without_a_cause_is_no_reason_to_replace_the_instance(machine: Machine) -> None:
    """The agent was updated after the run: version 0.1 wrote no cause."""
    document = json.loads(status("failed", stage("secrets", "failed", "KEYVAULT_FORBIDDEN")))
    del document["stages"][0]["error"]["cause"]
    found = machine.checked(json.dumps(document), locked=False)
    assert [error.code for error in found.errors] == ["KEYVAULT_FORBIDDEN"]
    assert not found.errors[0].cause.replacement_helps
