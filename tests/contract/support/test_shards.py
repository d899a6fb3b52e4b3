"""No test is left out: `make test` and the shards together are all that there is."""

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.support.shards import SHARDS

ROOT: Final = Path(__file__).resolve().parents[3]
SUITES: Final = ("unit", "contract", "perf", "machine")
# of how a suite is run, not of what it is
_RUNNING: Final = ("--numprocesses", "--junitxml", "--cov", "--dist", "--durations")
_COLLECT: Final = ("--collect-only", "-q", "-n0", "-p", "no:cacheprovider")
# tells each test that is left in the end, and the shard that it is marked with
_TELL: Final = """
import sys, pytest
class Tell:
    def pytest_collection_finish(self, session):
        for item in session.items:
            marker = item.get_closest_marker("extended")
            print("\\n@", item.nodeid, *(marker.args if marker else ()), sep="\\t")
sys.exit(pytest.main(sys.argv[1:], plugins=[Tell()]))
"""


def made(*targets: str) -> list[list[str]]:
    """The arguments with which make runs pytest for these targets."""
    argv = ("make", "--dry-run", "--always-make", "--no-print-directory", *targets)
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    told = done.stdout.replace("\\\n", " ").splitlines()
    calls = [line.partition("bin/pytest ")[2] for line in told if "bin/pytest " in line]
    return [[word for word in shlex.split(call) if not word.startswith(_RUNNING)] for call in calls]


def collected(arguments: Sequence[str]) -> dict[str, str]:
    """Node ids of what pytest takes with these arguments, with their shards.

    A shard is empty for what the test command runs.
    """
    argv = (sys.executable, "-c", _TELL, *_COLLECT, *arguments)
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    told = [line.split("\t")[1:] for line in done.stdout.splitlines() if line.startswith("@\t")]
    return {name: "".join(shard) for name, *shard in told}


@pytest.fixture(scope="module")
def everything() -> dict[str, str]:
    """Each test with its shard."""
    return collected(["tests"])


def test_the_suites_of_make_test_are_all_but_the_shards(everything: dict[str, str]) -> None:
    suites = made(*SUITES)
    assert len(suites) == len(SUITES)
    taken = [name for arguments in suites for name in collected(arguments)]
    assert len(taken) == len(set(taken))
    assert set(taken) == {name for name, shard in everything.items() if not shard}


def test_every_other_test_is_of_one_shard(everything: dict[str, str]) -> None:
    extended = {name: shard for name, shard in everything.items() if shard}
    assert set(extended.values()) == set(SHARDS)


def test_a_shard_is_run_whole_and_alone(everything: dict[str, str]) -> None:
    shard = SHARDS[-1]
    (arguments,) = made("shard", f"SHARD={shard}")
    found = collected(arguments)
    assert found == {name: one for name, one in everything.items() if one == shard}
    assert found


def test_a_test_of_no_shard_cannot_be_run(tmp_path: Path) -> None:
    module = tmp_path / "test_lost.py"
    module.write_text(
        "import pytest\n\n@pytest.mark.extended('nowhere')\ndef test_lost() -> None: ...\n"
    )
    argv = (sys.executable, "-m", "pytest", *_COLLECT, "-c", "pyproject.toml", str(module))
    plugin = ("-p", "tests.conftest")
    done = subprocess.run((*argv, *plugin), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "does not name a shard" in done.stderr
