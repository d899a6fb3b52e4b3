"""A bot as Azure boots it, from its first boot through everything that happens to it.

The tests follow each other on one bot: a broken one breaks those after it. Two other machines have
their turn beside the first of them, when little is measured.
"""

import subprocess
import sys
import time
from concurrent.futures import Future

from tests.bench.bench import REPOSITORY
from tests.drills.frozen import frozen
from tests.drills.outage import outage
from tests.drills.power_cuts import power_cuts
from tests.drills.replacement import replacement
from tests.drills.report import Report
from tests.drills.two_instances import two_instances
from tests.vm.conftest import Flow


def test_first_boot(emulated: Future[Report], flow: Flow, report: Report) -> None:
    """Custom data alone: healthy, and cloud-init is content."""
    # a boot of many minutes: time for the emulated machine
    del emulated
    instance = flow.instance
    report.figure("power-on to healthy", instance.healthy())
    instance.enter()
    status = instance.vm.exec("cloud-init status --wait --long", timeout=300)
    assert "status: done" in status.stdout, status.stdout
    assert "errors: []" in status.stdout, status.stdout
    assert instance.vm.exec("cloud-id", timeout=60).stdout.strip() == "azure"
    assert [told["state"] for told in instance.vm.health()] == ["Ready"]


def test_the_machine_is_as_described(flow: Flow, report: Report, refused: Future[Report]) -> None:
    """The same suite as for every other kind of machine, over SSH."""
    # this only reads: time for the other machine
    del refused
    vm = flow.instance.vm
    hosts = (f"--hosts=ssh://{vm.name}", f"--ssh-config={vm.ssh_config}")
    suite = ("-q", "-p", "no:cacheprovider", "tests/machine/finished", *hosts)
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


def test_a_wrong_hash_installs_nothing(refused: Future[Report]) -> None:
    assert refused.result().broken == []


def test_an_emulated_machine_comes_up_to_its_gateway(emulated: Future[Report]) -> None:
    assert emulated.result().broken == []


def test_it_is_killed_and_replaced(flow: Flow, report: Report) -> None:
    """Without warning; another machine, an empty disk, the same memory."""
    flow.instance = replacement(flow.ground, report, texts=20, first=flow.instance)
    assert report.broken == []


def test_the_server_of_the_share_is_away_for_a_minute(flow: Flow, report: Report) -> None:
    outage(flow.ground, report, instance=flow.instance)
    assert report.broken == []


def test_a_second_instance_waits_and_takes_over(flow: Flow, report: Report) -> None:
    flow.instance = two_instances(flow.ground, report, first=flow.instance)
    assert report.broken == []


def test_many_moments_of_one_writing(flow: Flow, report: Report) -> None:
    frozen(flow.ground, report, count=5, instance=flow.instance)
    assert report.broken == []


def test_power_cut_while_it_writes(flow: Flow, report: Report) -> None:
    power_cuts(flow.ground, report, count=1, replace_every=0, instance=flow.instance)
    assert report.broken == []
