import json
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from clawbot_agent.core.paths import STATUS_FILE
from clawbot_agent.health.checks import last_run
from clawbot_agent.health.checks.last_run import LastRun
from clawbot_agent.health.finding import Finding
from clawbot_agent.host.commands import CommandMissingError
from tests.fakes import FakeFiles, FakeRun, fake_host
from tests.support.error_refs import cause_of, error_refs

BOOT: Final = "this-boot"
HOLDER: Final = "pid 7"
EXITED: Final = "ExecMainExitTimestampMonotonic"


def stage(name: str, state: str, code: str | None = None) -> dict[str, Any]:
    error = None if code is None else {"code": code, "cause": cause_of(code)}
    return {"name": name, "state": state, "error": error}


def status(
    result: str, *stages: dict[str, Any], boot: str = BOOT, finished: str | None = "T"
) -> str:
    document = {
        "schema": 1,
        "boot_id": boot,
        "result": result,
        "finished": None if result == "running" else finished,
        "stages": stages,
    }
    return json.dumps(document)


RUNNING: Final = status(
    "running", stage("apt", "changed"), stage("image", "running"), stage("caddy", "pending")
)


@dataclass
class Machine:
    """A boot with a status file, a lock, and what systemd remembers."""

    monkeypatch: pytest.MonkeyPatch
    files: FakeFiles = field(default_factory=FakeFiles)
    run: FakeRun = field(default_factory=FakeRun)
    check: LastRun = field(default_factory=LastRun)

    def look(
        self,
        text: str | None,
        *,
        locked: bool,
        up: float = 60,
        exited: str = "0",
        status: int = 0,
    ) -> Finding:
        """Look at a machine of this kind."""
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
        (RUNNING, False, 60, "warning", "was cut off: 1 of 3 stages"),
        (status("converged"), False, 60, "ok", "converged at T"),
        (
            status(
                "degraded", stage("apt", "changed"), stage("sysbox", "degraded", "SYSBOX_KERNEL")
            ),
            False,
            60,
            "warning",
            "degraded at T: sysbox SYSBOX_KERNEL",
        ),
        (
            status("failed", stage("share", "failed", "SHARE_PORT_BLOCKED")),
            False,
            60,
            "failed",
            "failed at T: share SHARE_PORT_BLOCKED",
        ),
        (status("interrupted"), False, 60, "warning", "interrupted at T: no stage says why"),
    ],
)
def test_last_run(  # noqa: PLR0913 - the columns of a table
    machine: Machine, text: str | None, *, locked: bool, up: float, state: str, reason: str
) -> None:
    found = machine.look(text, locked=locked, up=up)
    assert found.state == state
    assert found.reason.startswith(reason)


def test_a_later_run_is_no_new_start(machine: Machine) -> None:
    """Else a bot would be out of service whenever somebody looks after it."""
    machine.look(status("converged"), locked=False)
    assert machine.look(RUNNING, locked=True).state == "ok"


def test_a_failure_stays_known_while_the_next_run_tries(machine: Machine) -> None:
    machine.look(status("failed", stage("share", "failed", "SHARE_HUNG")), locked=False)
    assert machine.look(RUNNING, locked=True).state == "failed"


def test_a_sidecar_that_started_late_asks_systemd_for_the_boots_run(machine: Machine) -> None:
    assert machine.look(RUNNING, locked=True, exited="81234567").state == "ok"


@pytest.mark.parametrize("up", [60, 1000])
def test_a_boots_run_that_ended_without_a_status_had_its_configuration_refused(
    machine: Machine, up: float
) -> None:
    found = machine.look(None, locked=False, up=up, exited="81234567", status=2)
    assert (found.state, found.errors) == ("failed", error_refs("CONFIG_INVALID"))
    assert "config check" in found.reason


@pytest.mark.parametrize(("exited", "status"), [("0", 2), ("0", 0), ("81234567", 1)])
def test_nothing_is_refused_by_a_run_that_has_not_ended_so(
    machine: Machine, exited: str, status: int
) -> None:
    found = machine.look(None, locked=False, up=60, exited=exited, status=status)
    assert (found.state, found.errors) == ("starting", ())


def test_a_run_that_is_still_to_come_needs_no_systemd_either(machine: Machine) -> None:
    machine.run.fail("systemctl", error=CommandMissingError("systemctl: none"))
    assert machine.look(None, locked=False, up=60).state == "starting"


def test_the_boots_run_needs_no_systemd_to_be_seen_ended(machine: Machine) -> None:
    machine.run.fail("systemctl", error=CommandMissingError("systemctl: none"))
    assert machine.look(status("converged"), locked=False).state == "ok"


def test_a_failed_run_names_the_errors_that_failed_it(machine: Machine) -> None:
    """What only degrades a bot says nothing about a new instance."""
    text = status(
        "failed",
        stage("sysbox", "degraded", "SHA256_MISMATCH"),
        stage("secrets", "failed", "KEYVAULT_FORBIDDEN"),
        stage("gateway", "skipped"),
    )
    assert machine.look(text, locked=False).errors == error_refs("KEYVAULT_FORBIDDEN")


def test_what_did_not_fail_names_none(machine: Machine) -> None:
    text = status("interrupted", stage("apt", "failed", "INTERRUPTED"))
    assert machine.look(text, locked=False).errors == ()


def test_a_run_beside_the_bot_is_told(machine: Machine) -> None:
    """It may take the gateway down for a while; the boot's own run has a word of its own."""
    assert machine.look(RUNNING, locked=True).figures == {}
    assert machine.look(status("converged"), locked=False).figures == {}
    found = machine.look(RUNNING, locked=True)
    assert found.figures == {"under_way": 1}
