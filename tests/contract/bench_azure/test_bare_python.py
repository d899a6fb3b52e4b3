"""`make demo` and the bench's commands work in a fresh checkout, without an installation."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    "module", ["tests.bench.__main__", "tests.bench.demo", "tests.bench.azure.__main__"]
)
def test_module_needs_only_the_standard_library(module: str) -> None:
    """Import with -S, that is, without installed packages."""
    code = f"import importlib; importlib.import_module({module!r})"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
