"""`make demo` and the bench's commands work in a fresh checkout: nothing has to be installed."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    "module", ["tests.bench.__main__", "tests.bench.demo", "tests.bench.azure.__main__"]
)
def test_needs_nothing_but_python(module: str) -> None:
    """-S: without what pip installed."""
    code = f"import importlib; importlib.import_module({module!r})"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
