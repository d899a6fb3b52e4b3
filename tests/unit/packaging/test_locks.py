"""The locks cover pyproject.toml's dependencies, and packaging/dev.py reads them correctly."""

import re
import tomllib
from collections.abc import Iterator
from typing import Final

import pytest
from packaging.requirements import Requirement

from tests.unit.packaging.scripts import ROOT, load

PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SHIPPED: Final = (ROOT / "packaging/requirements.lock").read_text()
DEVELOPMENT: Final = (ROOT / "packaging/dev.lock").read_text()


dev = load("dev")


def locked(text: str) -> Iterator[tuple[str, str]]:
    """Yield names and versions."""
    yield from re.findall(r"^([a-z0-9-]+)==([^ ;]+)", text, re.MULTILINE)


def unlocked(requirements: list[str], text: str) -> list[str]:
    """Return the requirements that the lock does not satisfy; follow the project's extras."""
    versions = dict(locked(text))
    missing = []
    for requirement in map(Requirement, requirements):
        if requirement.name == PROJECT["name"]:
            for extra in requirement.extras:
                missing += unlocked(PROJECT["optional-dependencies"][extra], text)
            continue
        version = versions.get(requirement.name.lower())
        if version is None or version not in requirement.specifier:
            missing.append(str(requirement))
    return missing


def test_every_dependency_of_development_is_locked() -> None:
    """Fails if `make lock` was not run after a change of pyproject.toml."""
    wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    assert unlocked(wanted, DEVELOPMENT) == []


def test_every_dependency_of_the_agent_is_locked() -> None:
    assert unlocked(PROJECT["dependencies"], SHIPPED) == []


def test_dependency_missing_in_the_lock_is_found() -> None:
    assert unlocked(["ruff>=999", "no-such-thing", "click"], DEVELOPMENT) == [
        "ruff>=999",
        "no-such-thing",
    ]


def test_tested_versions_are_the_shipped_ones() -> None:
    assert set(locked(SHIPPED)) <= set(locked(DEVELOPMENT))


def test_linters_are_pinned() -> None:
    development = map(Requirement, PROJECT["optional-dependencies"]["dev"])
    exact = {r.name for r in development if str(r.specifier).startswith("==")}
    assert exact >= {"ruff", "mypy"}


@pytest.mark.parametrize("text", [SHIPPED, DEVELOPMENT], ids=["shipped", "development"])
def test_every_version_has_a_hash_and_no_index(text: str) -> None:
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(list(locked(text)))
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text
    assert "--index" not in text


LOCK: Final = """\
urllib3==2.5.0 \\
    --hash=sha256:aa
    # via requests
uv==0.9.1 \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via clawbot-agent (pyproject.toml)
uvloop==1.0 \\
    --hash=sha256:dd
"""


def test_package_is_read_from_a_lock_with_all_its_hashes() -> None:
    assert dev.pinned("uv", LOCK) == (
        "uv==0.9.1 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
    )


def test_package_missing_in_the_lock_is_an_error() -> None:
    with pytest.raises(LookupError, match="make lock"):
        dev.pinned("pip", LOCK)


def test_uv_is_locked() -> None:
    assert dev.pinned("uv", DEVELOPMENT).startswith("uv==")


@pytest.mark.parametrize(
    ("environment", "of_pip", "expected"),
    [
        ({}, "", None),
        ({}, "https://mirror.example/simple", "https://mirror.example/simple"),
        ({"UV_DEFAULT_INDEX": "https://a.example"}, "https://b.example", "https://a.example"),
        ({"UV_INDEX_URL": "https://a.example"}, "https://b.example", None),
    ],
)
def test_uv_uses_pips_index(environment: dict[str, str], of_pip: str, expected: str | None) -> None:
    made = dev.uv_environment({"PATH": "/bin", **environment}, of_pip)
    assert made["PATH"] == "/bin"
    assert made.get("UV_DEFAULT_INDEX") == expected
