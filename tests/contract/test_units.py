"""The units, checked by systemd."""

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
# systemd's scores differ slightly between releases
TOLERANCE: Final = 0.3

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze not found"
)


def _analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    argv = ("systemd-analyze", "--no-pager", *map(str, arguments))
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root directory with our units and their programs, and the host's targets."""
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


def test_units_pass_systemd_analyze_verify(root: Path) -> None:
    assert _verify(root) == ""


def test_mistake_in_a_unit_is_found(root: Path) -> None:
    gateway = root / "etc/systemd/system/clawbot-gateway.service"
    gateway.write_text(gateway.read_text().replace("RestartSec=", "RestartSeconds="))
    assert "RestartSeconds" in _verify(root)


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_documentation_has_each_exposure_level(service: Path) -> None:
    done = _analyze("security", "--offline=true", service)
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    documented = re.search(
        rf"^\| {service.name} \|.*\| ([\d.]+) \|", TABLE.read_text(), re.MULTILINE
    )
    assert documented is not None, f"{TABLE.name} does not have {service.name}"
    assert abs(float(documented[1]) - float(found[1])) <= TOLERANCE


def test_only_these_units_are_enabled() -> None:
    """The agent starts the others."""
    assert {path.name for path in UNITS if "[Install]" in path.read_text()} == {
        "clawbot-agent.service",
        "clawbot-events.service",
        "clawbot-reconcile.timer",
        "clawbot-sidecar.service",
    }


def test_gateway_with_an_invalid_configuration_is_not_restarted() -> None:
    text = (REPOSITORY / "systemd/clawbot-gateway.service").read_text()
    assert re.search(r"^RestartPreventExitStatus=78$", text, re.MULTILINE)
    # systemd must not kill a gateway that is still draining
    assert int(re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)[1]) > 330  # type: ignore[index]  # else the test fails
