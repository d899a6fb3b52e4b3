"""The first boot of a bot as in Azure: an empty machine with custom data."""

import subprocess
import sys
import time

from tests.bench.bench import REPOSITORY
from tests.drills.report import Report
from tests.vm.conftest import Flow


def test_first_boot_ends_healthy(flow: Flow, report: Report) -> None:
    instance = flow.instance
    report.figure("power-on to healthy", instance.healthy())
    instance.enter()
    status = instance.vm.exec("cloud-init status --wait --long", timeout=300)
    assert "status: done" in status.stdout, status.stdout
    assert "errors: []" in status.stdout, status.stdout
    assert instance.vm.exec("cloud-id", timeout=60).stdout.strip() == "azure"
    assert [sent["state"] for sent in instance.vm.health()] == ["Ready"]


def test_machine_passes_the_checks_of_a_converged_bot(flow: Flow, report: Report) -> None:
    """The suite for every kind of machine, over SSH."""
    vm = flow.instance.vm
    hosts = (f"--hosts=ssh://{vm.name}", f"--ssh-config={vm.ssh_config}")
    suite = ("-q", "-p", "no:cacheprovider", "-n0", "tests/machine/finished", *hosts)
    began = time.monotonic()
    done = subprocess.run(
        (sys.executable, "-m", "pytest", *suite),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    report.figure("testinfra over SSH", time.monotonic() - began)
    report.figure("result", done.stdout.strip().rpartition("\n")[2])
    assert done.returncode == 0, done.stdout[-6000:]
