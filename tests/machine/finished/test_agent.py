"""What the agent says of the machine, and what cloud-init says of its own part."""

import json
from typing import Any

import pytest
from testinfra.host import Host

AZURES_CHASSIS = "7783-7084-3265-9085-8269-3286-77"


@pytest.fixture(scope="module")
def status(host: Host) -> dict[str, Any]:
    """status.json, when no run is under way: the timer may have begun one."""
    told = host.run("clawbot-agent status --json --wait --timeout 300").stdout
    found: dict[str, Any] = json.loads(told)
    return found


def test_nothing_is_left_to_do(host: Host) -> None:
    done = host.run("clawbot-agent plan --exit-code")
    assert done.rc == 0, done.stdout + done.stderr


def test_the_last_run_converged(status: dict[str, Any]) -> None:
    assert status["schema"] == 1
    assert status["result"] == "converged"
    stages = {stage["name"]: stage["state"] for stage in status["stages"]}
    assert set(stages.values()) <= {"unchanged", "changed", "skipped"}
    assert {"apt", "docker", "image", "gateway", "caddy"} <= set(stages)


def test_the_last_run_was_in_this_boot(host: Host, status: dict[str, Any]) -> None:
    assert status["boot_id"] == host.check_output("cat /proc/sys/kernel/random/boot_id")


def test_the_compact_status_fits_its_reader(host: Host) -> None:
    told = host.check_output("clawbot-agent status --compact --wait --timeout 300")
    assert len(told.encode()) <= 4096
    assert told.startswith("converged:")


def test_the_configuration_passes_its_own_check(host: Host) -> None:
    assert host.run("clawbot-agent config check /etc/clawbot/config.yaml").rc == 0


def test_the_journal_has_no_traceback_of_the_agent(host: Host) -> None:
    told = host.check_output("journalctl --boot --no-pager --output=cat --unit='clawbot-*'")
    assert "Traceback" not in told


def test_sandboxes_have_their_runtime(host: Host, status: dict[str, Any]) -> None:
    states = {stage["name"]: stage["state"] for stage in status["stages"]}
    if states["sysbox"] == "skipped":
        pytest.skip("Sysbox is not wanted")
    runtimes = json.loads(host.check_output("docker info --format '{{json .Runtimes}}'"))
    assert "sysbox-runc" in runtimes


def test_cloud_init_ended_without_errors(host: Host) -> None:
    if not host.exists("cloud-init"):
        pytest.skip("no cloud-init here")
    done = host.run("cloud-init status --format json")
    told = json.loads(done.stdout)
    assert told["status"] == "done"
    assert told["errors"] == []
    recoverable = [one for found in told.get("recoverable_errors", {}).values() for one in found]
    # the block devices of user-mode Linux have no tray
    trayless = "User Mode Linux" in host.check_output("cat /proc/cpuinfo")
    excused = [one for one in recoverable if trayless and one.startswith("Failed ejecting the")]
    assert recoverable == excused
    assert done.rc == (2 if excused else 0)


def test_cloud_init_knows_the_cloud(host: Host) -> None:
    if not host.exists("cloud-init"):
        pytest.skip("no cloud-init here")
    chassis = host.run("cat /sys/class/dmi/id/chassis_asset_tag").stdout.strip()
    cloud = host.check_output("cloud-id")
    assert cloud == "azure" if chassis == AZURES_CHASSIS else cloud
