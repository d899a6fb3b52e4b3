"""`status` answers at once: heavy libraries cost a small instance a good part of a second."""

import subprocess
import sys
from typing import Final

import pytest

HEAVY: Final = ("azure", "docker", "msal", "requests", "pydantic", "jinja2", "tenacity", "yaml")


def loaded(code: str) -> set[str]:
    """Which heavy libraries a fresh interpreter has loaded after `code`."""
    text = f"import sys\n{code}\nprint(*({set(HEAVY)!r} & set(sys.modules)))"
    done = subprocess.run((sys.executable, "-c", text), check=True, capture_output=True, text=True)
    return set(done.stdout.splitlines()[-1].split()) if done.stdout.strip() else set()


def test_status_loads_nothing_heavy() -> None:
    """Nor do the other verbs' modules that the command group brings along."""
    run = (
        "from clawbot_agent.cli import main\n"
        "try:\n    main(['status', '--help'])\nexcept SystemExit:\n    pass"
    )
    assert loaded("from clawbot_agent.cli import status") == set()
    assert loaded(run) == set()


@pytest.mark.parametrize("module", ["secrets", "docker"])
def test_stages_load_their_sdk_only_when_they_use_it(module: str) -> None:
    """A plan that needs no Key Vault must not pay for its SDK."""
    assert not {"azure", "docker", "msal"} & loaded(f"import clawbot_agent.features.{module}.stage")


def test_the_engine_needs_no_sdk() -> None:
    assert not {"azure", "docker", "requests"} & loaded("import clawbot_agent.engine.runner")
