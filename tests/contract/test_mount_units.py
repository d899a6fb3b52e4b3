"""The names and texts of mount units, checked by systemd."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from clawbot_agent.features.mounts.units import unit_file, unit_name, unit_text

ESCAPE: Final = shutil.which("systemd-escape")
ANALYZE: Final = shutil.which("systemd-analyze")
PATHS: Final = (
    "/",
    "/srv/clawbot/share",
    "/var/lib/clawbot/state",
    "/a b/.c-d/é%",
    "/.hidden/x",
    "/a:b_c.d/e\\f",
    "/srv//clawbot/./share/",
)


@pytest.mark.skipif(ESCAPE is None, reason="systemd not found")
@pytest.mark.parametrize("path", PATHS)
def test_unit_name_equals_systemd_escape(path: str) -> None:
    """The pure function agrees with systemd-escape."""
    done = subprocess.run(
        (str(ESCAPE), "--path", "--suffix=mount", path),
        check=True,
        capture_output=True,
        text=True,
    )
    assert unit_name(Path(path)) == done.stdout.strip()


@pytest.mark.skipif(ANALYZE is None, reason="systemd not found")
def test_unit_passes_systemd_analyze_verify(tmp_path: Path) -> None:
    """A unit with all options passes 'systemd-analyze verify'."""
    where = Path("/srv/claw bot/100%")
    (tmp_path / "lease.service").write_text("[Service]\nExecStart=/bin/true\n")
    text = unit_text(
        what="//bot.file.core.windows.net/100%",
        where=where,
        kind="cifs",
        options=("vers=3.1.1", "credentials=/etc/100%.cred"),
        description="100% share",
        requires=("lease.service",),
        binds_to=("lease.service",),
        after=("lease.service",),
    )
    unit = tmp_path / unit_file(where).name
    unit.write_text(text)
    done = subprocess.run(
        (str(ANALYZE), "verify", "--man=no", str(unit)),
        check=False,
        capture_output=True,
        text=True,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
    )
    about_it = [line for line in done.stderr.splitlines() if "claw" in line]
    assert (about_it, done.returncode) == ([], 0)
