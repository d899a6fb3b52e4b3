"""Imports the scripts in packaging/, which is not a package."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[3]


def load(name: str) -> Any:  # noqa: ANN401 - a module that mypy does not see
    """Import packaging/NAME.py under the name that the other scripts use."""
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, ROOT / f"packaging/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
