"""The units as systemd itself reads them."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).parents[2]
UNITS: Final = sorted((REPOSITORY / "systemd").glob("clawbot-*"))
SERVICES: Final = [path for path in UNITS if path.suffix == ".service"]
TABLE: Final = REPOSITORY / "docs/reference/units.md"
# systemd's own releases weigh a little differently
TOLERANCE: Final = 0.3

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="this host has no systemd"
)


def _analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    argv = ("systemd-analyze", "--no-pager", *map(str, arguments))
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system with our units and what they start, and nothing of this host but its targets."""
    for path in UNITS:
        target = tmp_path / "etc/systemd/system" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
        for program in re.findall(r"^Exec\w+=-?(/\S+)", path.read_text(), re.MULTILINE):
            place = tmp_path / program[1:]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("#!/bin/sh\n")
            place.chmod(0o755)
    targets = tmp_path / "usr/lib/systemd/system"
    targets.mkdir(parents=True)
    for target in Path("/usr/lib/systemd/system").glob("*.target"):
        shutil.copy(target, targets)
    (targets / "docker.service").write_text("[Service]\nExecStart=/bin/sh\n")
    return tmp_path


def _verify(root: Path) -> str:
    units = sorted((root / "etc/systemd/system").iterdir())
    done = _analyze("verify", "--man=no", f"--root={root}", *units)
    return done.stdout + done.stderr + ("" if done.returncode == 0 else f"{done.returncode}")


def test_systemd_has_nothing_to_say_against_them(root: Path) -> None:
    assert _verify(root) == ""


def test_a_mistake_in_one_would_be_seen(root: Path) -> None:
    gateway = root / "etc/systemd/system/clawbot-gateway.service"
    gateway.write_text(gateway.read_text().replace("RestartSec=", "RestartSeconds="))
    assert "RestartSeconds" in _verify(root)


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_the_documentation_says_how_exposed_each_is(service: Path) -> None:
    done = _analyze("security", "--offline=true", service)
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    told = re.search(rf"^\| {service.name} \|.*\| ([\d.]+) \|", TABLE.read_text(), re.MULTILINE)
    assert told is not None, f"{TABLE.name} does not have {service.name}"
    assert abs(float(told[1]) - float(found[1])) <= TOLERANCE


def test_only_these_start_by_themselves() -> None:
    """The others are started by the agent, when it is their turn."""
    assert {path.name for path in UNITS if "[Install]" in path.read_text()} == {
        "clawbot-agent.service",
        "clawbot-events.service",
        "clawbot-reconcile.timer",
        "clawbot-sidecar.service",
    }


def test_a_gateway_that_refuses_its_configuration_is_not_restarted() -> None:
    text = (REPOSITORY / "systemd/clawbot-gateway.service").read_text()
    assert re.search(r"^RestartPreventExitStatus=78$", text, re.MULTILINE)
    # one that cannot drain in time must not be cut off by systemd
    assert int(re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)[1]) > 330  # type: ignore[index]  # else the test fails
