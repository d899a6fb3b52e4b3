import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from clawbot_agent.core.paths import LEASE_FILE
from clawbot_agent.features.lease import machine
from clawbot_agent.features.lease.machine import LocalMachine
from clawbot_agent.host.commands import CommandTimeoutError
from clawbot_agent.host.systemd import Notifier
from clawbot_agent.records.lease import LEASE, Holder, LeaseReport, LeaseState
from tests.fakes import Call, FakeClock, FakeFiles, FakeRun, fake_host

STATE: Final = Path("/var/lib/clawbot/state")
SHARE: Final = Path("/srv/clawbot/share")
CONTAINERS: Final = Path("/var/lib/docker/containers")
STOP: Final = ("systemctl", "stop", "--no-block", "clawbot-gateway.service")
KILL: Final = ("kill", "-s", "KILL", "101")
DOCKER_KILL: Final = ("docker", "kill", "openclaw-gateway")


def a_machine(
    run: FakeRun, files: FakeFiles | None = None, say: Callable[[str], None] = lambda _text: None
) -> LocalMachine:
    host = fake_host(run=run, files=files or FakeFiles())
    return LocalMachine(host, Notifier(), SHARE, STATE, say)


def a_container(files: FakeFiles, name: str, *, source: Path, pid: int, running: bool) -> None:
    """Write Docker's record of a container, and its process in /proc."""
    document = {
        "State": {"Running": running, "Pid": pid},
        "MountPoints": {"/home/node/.openclaw": {"Source": str(source)}},
    }
    files.put(CONTAINERS / name / "config.v2.json", json.dumps(document))
    files.put(f"/proc/{pid}/cgroup", f"0::/system.slice/docker-{name}.scope\n")


@pytest.fixture
def run() -> FakeRun:
    run = FakeRun()
    for program in ("systemctl", "kill", "docker"):
        run.answer(program)
    return run


def test_fencing_kills_each_container_that_mounts_the_state_directory(run: FakeRun) -> None:
    """Regardless of its name: an operator may have started another one."""
    files = FakeFiles()
    a_container(files, "aa", source=STATE, pid=101, running=True)
    a_container(files, "bb", source=Path("/elsewhere"), pid=102, running=True)
    a_container(files, "cc", source=STATE, pid=103, running=False)
    a_machine(run, files).fence()
    assert run.argvs == [KILL, STOP, KILL, DOCKER_KILL]


def test_fencing_kills_a_gateway_that_systemd_restarted_in_between(run: FakeRun) -> None:
    """Systemd restarts a killed gateway until it is told to stop it."""
    files = FakeFiles()
    a_container(files, "aa", source=STATE, pid=101, running=True)

    def restarted(_call: Call) -> None:
        a_container(files, "aa", source=STATE, pid=102, running=True)

    run.effect("systemctl", "stop", act=restarted)
    a_machine(run, files).fence()
    assert run.argvs == [KILL, STOP, ("kill", "-s", "KILL", "102"), DOCKER_KILL]


def test_fencing_spares_another_process_with_the_recorded_number(run: FakeRun) -> None:
    """Docker's record may be older than the last reboot."""
    files = FakeFiles()
    a_container(files, "aa", source=STATE, pid=101, running=True)
    files.put("/proc/101/cgroup", "0::/system.slice/ssh.service\n")
    a_machine(run, files).fence()
    assert run.argvs == [STOP, DOCKER_KILL]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"State": {}}', '{"MountPoints": 3}'])
def test_fencing_skips_unreadable_records(run: FakeRun, text: str) -> None:
    files = FakeFiles()
    files.put(CONTAINERS / "aa" / "config.v2.json", text)
    a_container(files, "bb", source=STATE, pid=101, running=True)
    a_machine(run, files).fence()
    assert KILL in run.argvs


def test_fencing_works_when_systemd_and_docker_hang() -> None:
    files, run = FakeFiles(), FakeRun()
    for program in ("systemctl", "docker"):
        run.fail(program, error=CommandTimeoutError(f"{program}: stopped"))
    run.answer("kill")
    a_container(files, "aa", source=STATE, pid=101, running=True)
    a_machine(run, files).fence()
    assert KILL in run.argvs
    # docs/adr/0007 counts on this upper bound
    assert sum(call.timeout for call in run.calls) <= 7


@pytest.mark.parametrize(
    ("under_way", "waited", "starts"),
    [(None, 1, True), ("a run", 1, False), ("a run", 250, True)],
    ids=["no run", "a run waits for it", "a run has stopped waiting"],
)
def test_a_run_starts_when_the_lease_is_held(
    run: FakeRun,
    monkeypatch: pytest.MonkeyPatch,
    under_way: str | None,
    waited: float,
    *,
    starts: bool,
) -> None:
    monkeypatch.setattr(machine, "holder_of", lambda _path: under_way)
    clock = FakeClock()
    host = fake_host(run=run, clock=clock)
    made = LocalMachine(host, Notifier(), SHARE, STATE, lambda _text: None)
    clock.advance(waited)
    made.held()
    start = ("systemctl", "start", "--no-block", "clawbot-reconcile.service")
    assert run.argvs == ([start] if starts else [])


def test_mounts_of_share_and_state_are_read_from_the_mount_table(run: FakeRun) -> None:
    files = FakeFiles()
    table = f"20 1 8:1 / / rw - ext4 /dev/sda1 rw\n31 20 0:40 / {SHARE} rw - cifs //h/bot rw\n"
    files.put("/proc/self/mountinfo", table)
    made = a_machine(run, files)
    assert made.share_mount() == 31
    assert not made.state_is_mounted()
    files.put("/proc/self/mountinfo", f"{table}32 20 7:0 / {STATE} rw - ext4 /dev/loop0 rw\n")
    assert made.state_is_mounted()


def test_the_report_is_written_and_a_change_is_logged_once(run: FakeRun) -> None:
    files, logged = FakeFiles(), list[str]()
    made = a_machine(run, files, logged.append)
    clock = FakeClock()
    other = Holder("id-2", "boot", "vm-2", "then")
    for quiet in (3, 6):
        report = LeaseReport(
            state=LeaseState.WAITING,
            generation=4,
            waiting_for=other,
            silent_seconds=quiet,
            problem=f"the share has not answered for {quiet} s",
            updated=clock.now(),
        )
        made.report(report)
    assert logged == [
        "waiting for vm-2 (id-2, no heartbeat for 3 s) (the share has not answered for 3 s)"
    ]
    found = files.stat(LEASE_FILE)
    assert found is not None
    assert found.mode == 0o644
    assert LEASE.load(files) == report


@pytest.mark.parametrize("text", [None, "", "{}", "[1]", '{"state": "held"}', "not json"])
def test_an_unreadable_report_counts_as_none(text: str | None) -> None:
    files = FakeFiles()
    if text is not None:
        files.put(LEASE_FILE, text)
    assert LEASE.load(files) is None
