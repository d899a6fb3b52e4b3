"""The agent's status and plan on the machine, and cloud-init's status."""

import json
from typing import Any

import pytest
from testinfra.host import Host

AZURE_CHASSIS = "7783-7084-3265-9085-8269-3286-77"


@pytest.fixture(scope="module")
def status(host: Host) -> dict[str, Any]:
    """Return status.json once no run is under way; the timer may have started one."""
    shown = host.run("clawbot-agent status --json --wait --timeout 300").stdout
    found: dict[str, Any] = json.loads(shown)
    return found


def test_plan_is_empty(host: Host) -> None:
    done = host.run("clawbot-agent plan --exit-code")
    assert done.rc == 0, done.stdout + done.stderr


def test_last_run_converged(status: dict[str, Any]) -> None:
    assert status["schema"] == 1
    assert status["result"] == "converged"
    stages = {stage["name"]: stage["state"] for stage in status["stages"]}
    assert set(stages.values()) <= {"unchanged", "changed", "skipped"}
    assert {"apt", "docker", "image", "gateway", "caddy"} <= set(stages)


def test_last_run_was_in_this_boot(host: Host, status: dict[str, Any]) -> None:
    assert status["boot_id"] == host.check_output("cat /proc/sys/kernel/random/boot_id")


def test_compact_status_fits_run_command(host: Host) -> None:
    shown = host.check_output("clawbot-agent status --compact --wait --timeout 300")
    assert len(shown.encode()) <= 4096
    assert shown.startswith("converged:")


def test_configuration_is_valid(host: Host) -> None:
    assert host.run("clawbot-agent config check /etc/clawbot/config.yaml").rc == 0


def test_journal_has_no_traceback_of_the_agent(host: Host) -> None:
    journal = host.check_output("journalctl --boot --no-pager --output=cat --unit='clawbot-*'")
    assert "Traceback" not in journal


def test_sandbox_runtime_is_registered(host: Host, status: dict[str, Any]) -> None:
    states = {stage["name"]: stage["state"] for stage in status["stages"]}
    if states["sysbox"] == "skipped":
        pytest.skip("Sysbox is not configured")
    runtimes = json.loads(host.check_output("docker info --format '{{json .Runtimes}}'"))
    assert "sysbox-runc" in runtimes


def test_cloud_init_has_no_errors(host: Host) -> None:
    if not host.exists("cloud-init"):
        pytest.skip("cloud-init is not installed")
    done = host.run("cloud-init status --format json")
    shown = json.loads(done.stdout)
    assert shown["status"] == "done"
    assert shown["errors"] == []
    recoverable = [one for found in shown.get("recoverable_errors", {}).values() for one in found]
    # the block devices of user-mode Linux have no tray to eject
    trayless = "User Mode Linux" in host.check_output("cat /proc/cpuinfo")
    accepted = [one for one in recoverable if trayless and one.startswith("Failed ejecting the")]
    assert recoverable == accepted
    assert done.rc == (2 if accepted else 0)


def test_cloud_init_detects_azure(host: Host) -> None:
    if not host.exists("cloud-init"):
        pytest.skip("cloud-init is not installed")
    chassis = host.run("cat /sys/class/dmi/id/chassis_asset_tag").stdout.strip()
    cloud = host.check_output("cloud-id")
    assert cloud == "azure" if chassis == AZURE_CHASSIS else cloud
