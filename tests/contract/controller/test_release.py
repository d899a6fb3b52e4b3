"""A release contains everything that bootstrap.sh and an installed controller need."""

import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from clawbot_agent.config.documents import example_text
from tests.bench import product
from tests.bench.bench import HOME, REPOSITORY
from tests.bench.cache import Cache

SOURCE = "https://example.org/clawbot-agent-1-x86_64.tar"


@pytest.fixture(scope="module")
def wheel() -> Path:
    return next(product.wheel(Cache(HOME / "cache")).glob("*.whl"))


def test_wheel_contains_non_python_files(wheel: Path) -> None:
    units = {f"systemd/{path.name}" for path in (REPOSITORY / "systemd").glob("*.[st]*")}
    expected = {"bootstrap.sh", "custom-data.yaml.j2", "requirements.lock", *units}
    names = zipfile.ZipFile(wheel).namelist()
    carried = {name.partition("/data/share/clawbot/")[2] for name in names} - {""}
    assert carried == expected


def test_wheel_is_reproducible(wheel: Path, tmp_path: Path) -> None:
    """A release can be verified by building it again."""
    again = product.wheel(Cache(tmp_path))
    assert next(again.glob("*.whl")).read_bytes() == wheel.read_bytes()


def test_installed_controller_renders_custom_data(wheel: Path, tmp_path: Path) -> None:
    """With template and bootstrap.sh from the wheel, not from the checkout."""
    venv = tmp_path / "venv"
    subprocess.run((sys.executable, "-m", "venv", "--without-pip", str(venv)), check=True)
    python = venv / "bin/python"
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps")
    subprocess.run((*pip, "--no-index", str(wheel)), check=True)
    # dependencies come from this environment, after its own packages on the path
    site = next(venv.glob("lib/python3*/site-packages"))
    (site / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    (tmp_path / "bot.yaml").write_text(example_text())
    argv = ("render", "bot.yaml", "--agent", SOURCE, "--sha256", "0" * 64)
    done = subprocess.run(
        (str(venv / "bin/clawbot-controller"), *argv),
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("#cloud-config\n")
    assert SOURCE in done.stdout


def test_archive_has_wheels_for_each_python(wheel: Path) -> None:
    archive, _ = product.release(Cache(HOME / "cache"))
    with tarfile.open(archive) as tar:
        names = tar.getnames()
    assert wheel.name in names
    assert [name for name in names if name.startswith("pip-")]
    compiled = [name for name in names if name.startswith("pydantic_core-")]
    assert [name.split("-")[2] for name in compiled] == ["cp311", "cp313"]
    # flat: bootstrap.sh unpacks it as root
    assert [name for name in names if "/" in name] == []
