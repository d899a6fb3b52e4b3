import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clawbot_agent.host.limit import SystemClock
from clawbot_agent.host.lock import RunLockedError, run_lock

ROOT = Path(__file__).resolve().parents[3]
HOLDER = (
    "import sys; from pathlib import Path;"
    "from clawbot_agent.host.limit import SystemClock;"
    "from clawbot_agent.host.lock import run_lock\n"
    "with run_lock(Path(sys.argv[1]), clock=SystemClock(), command='run --stage all'):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.read()\n"
)


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that has the lock."""
    with subprocess.Popen(
        (sys.executable, "-c", HOLDER, str(tmp_path / "run.lock")),
        env={**os.environ, "PYTHONPATH": str(ROOT / "agent")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield child
        child.kill()


def test_second_run_gets_the_holder_of_the_lock(
    tmp_path: Path, holder: "subprocess.Popen[str]"
) -> None:
    with (
        pytest.raises(RunLockedError) as caught,
        run_lock(tmp_path / "run.lock", clock=SystemClock(), command="plan"),
    ):
        pass
    assert f"pid {holder.pid} since " in caught.value.holder
    assert "(run --stage all)" in caught.value.holder


def test_killed_holder_releases_the_lock(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    """The kernel frees it; no stale lock can be."""
    holder.kill()
    holder.wait()
    with run_lock(tmp_path / "run.lock", clock=SystemClock(), command="run"):
        pass


def test_lock_can_be_taken_repeatedly(tmp_path: Path) -> None:
    for _ in range(3):
        with run_lock(tmp_path / "a" / "run.lock", clock=SystemClock(), command="run"):
            pass


def test_error_inside_releases_the_lock(tmp_path: Path) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        run_lock(tmp_path / "run.lock", clock=SystemClock(), command="run"),
    ):
        raise ZeroDivisionError
    with run_lock(tmp_path / "run.lock", clock=SystemClock(), command="run"):
        pass


def test_child_processes_do_not_inherit_the_lock(tmp_path: Path) -> None:
    """A daemon that a stage starts must not keep the next run out."""
    with run_lock(tmp_path / "run.lock", clock=SystemClock(), command="run"):
        child = subprocess.Popen(("sleep", "30"))  # noqa: S607 - of the system
    try:
        with run_lock(tmp_path / "run.lock", clock=SystemClock(), command="run"):
            pass
    finally:
        child.kill()
        child.wait()
