"""Files, modules, make targets and drills of the project that the docs name exist."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from clawbot_agent.features.registry import all_stages
from tests.support.doc_blocks import ROOT
from tests.support.doc_tables import Page, code_spans, every_page, shell_lines

# from which a page may name a file
BASES: Final = (ROOT, ROOT / "agent/clawbot_agent", ROOT / "controller/clawbot_controller")
# a path that starts so, or a name that ends so, is one of the project's files
FOLDERS: Final = frozenset(
    {
        "agent",
        "controller",
        "docs",
        "packaging",
        "systemd",
        "tests",
        "vagrant",
        "changelog.d",
        ".ci",
    }
    | {path.name for base in BASES[1:] for path in base.iterdir() if path.is_dir()}
)
SUFFIXES: Final = frozenset({".py", ".sh", ".toml", ".lock", ".j2", ".mjs", ".svg"})
PATH: Final = re.compile(r"[\w.*-]+(?:/[\w.*-]+)*/?")
# of a run
FOREIGN: Final = frozenset({"run.lock"})
# folders of a bundle and of the share have names of packages
PACKAGES: Final = frozenset({"config", "state", "lease", "secrets"})
MODULE: Final = re.compile(r"-m (tests[\w.]*)")
TARGET: Final = re.compile(r"(?:^|[;&(] *)make(?: -s)?((?: [a-z][\w-]*)+)")
MAKEFILE: Final = (ROOT / "Makefile").read_text()


def looks_like_ours(span: str) -> bool:
    """Return whether a code span has the form of one of the project's paths."""
    if not PATH.fullmatch(span) or span in FOREIGN:
        return False
    first, *rest = span.rstrip("/").split("/")
    if Path(span).suffix in SUFFIXES:
        return True
    return bool(rest) and first in FOLDERS - PACKAGES


def exists(span: str) -> bool:
    """Return whether a path exists; a name without a folder, anywhere in the project."""
    if "/" not in span:
        return (ROOT / span).exists() or any(
            path.name == span
            for folder in ("agent", "controller", "packaging", "systemd", "tests", "vagrant")
            for path in (ROOT / folder).rglob(f"*{Path(span).suffix}")
        )
    return any(next(base.glob(span.rstrip("/")), None) is not None for base in BASES)


def problems_of(text: str) -> Iterator[str]:
    for span in code_spans(text):
        if looks_like_ours(span) and not exists(span):
            yield span
    for line in [*shell_lines(text), *code_spans(text)]:
        for module in MODULE.findall(line):
            place = ROOT / module.replace(".", "/")
            if not (place.is_dir() or place.with_suffix(".py").is_file()):
                yield f"-m {module}"
        for targets in TARGET.findall(re.split(r" +#", line)[0]):
            for target in targets.split():
                if not re.search(rf"^(?:[\w-]+ )*{target}(?: [\w-]+)*:", MAKEFILE, re.MULTILINE):
                    yield f"make {target}"


@pytest.mark.parametrize("page", every_page(), ids=lambda page: page.name)
def test_files_modules_and_targets_in_the_docs_exist(page: Page) -> None:
    assert list(problems_of(page.text)) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("`tests/support/doc_blocks.py`", None),
        ("`tests/support/doc_block.py`", "tests/support/doc_block.py"),
        ("`features/registry.py`", None),
        ("`features/share/mounts.py`", "features/share/mounts.py"),
        ("`host/isolation.py` and `isolation.py`", None),
        ("`subprocesses.py`", "subprocesses.py"),
        ("`tests/unit/**/test_verdict.py`", None),
        ("`azure/arm.py`", None),
        ("`state/files/`, `lease/`", None),
        ("`python -m tests.drills --help`", None),
        ("`python -m tests.drill --help`", "-m tests.drill"),
        ("`make lint types`", None),
        ("```shell\nmake lint typing    # seconds\n```\n", "make typing"),
    ],
)
def test_missing_file_is_found(text: str, problem: str | None) -> None:
    assert list(problems_of(text)) == ([] if problem is None else [problem])


def test_drills_are_those_of_the_command_line() -> None:
    source = (ROOT / "tests/drills/__main__.py").read_text()
    table = source.partition("_DRILLS: Final")[2].partition("\n}\n")[0]
    drills = re.findall(r'^    "([\w-]+)": ', table, re.MULTILINE)
    documented = [
        name
        for row in Page.of("drills.md").table("Promises", "drill").rows
        for name in row[0].split(", ")
    ]
    assert sorted(documented) == sorted(drills)


def test_options_of_drills_are_those_of_the_command_line() -> None:
    source = (ROOT / "tests/drills/__main__.py").read_text()
    known = {*re.findall(r'"(--[a-z]+)"', source), "--help"}
    calls = [
        line
        for page in every_page()
        for line in [*shell_lines(page.text), *code_spans(page.text)]
        if "-m tests.drills" in line
    ]
    assert calls
    assert {name for line in calls for name in re.findall(r" (--[a-z]\w*)", line)} <= known


def contract(container: str) -> list[set[str]]:
    """Return the layers of a package from the top, as pyproject.toml has them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = [
        one["layers"]
        for one in contracts["contracts"]
        if one["type"] == "layers" and one["containers"] == [container]
    ]
    return [set(re.split(r" \| ", layer)) for layer in layers]


def test_picture_of_the_layers_is_the_contract() -> None:
    picture = (ROOT / "docs/images/layers.svg").read_text()
    titles = re.findall(r' y="(\d+)"[^>]* font-weight="600">([^<]+)<', picture)
    drawn: dict[int, set[str]] = {}
    for height, title in titles:
        drawn.setdefault(int(height), set()).add(title)
    assert [drawn[height] for height in sorted(drawn)] == contract("clawbot_agent")
    (features,) = re.findall(r">(disk_space[^<]+)<", picture)
    order = [set(part.split(", ")) for part in features.split(" · ")]
    assert [{"registry"}, *order] == contract("clawbot_agent.features")


def test_picture_of_a_boot_has_every_stage() -> None:
    picture = (ROOT / "docs/images/boot.svg").read_text()
    words = set(re.findall(r">([^<]+)</text>", picture))
    assert set(all_stages().names) <= words


def test_architecture_names_features_in_the_order_of_the_contract() -> None:
    text = (ROOT / "docs/explanation/architecture.md").read_text()
    (order,) = re.findall(r"in one declared order only: (.*?)\.\n", text, re.DOTALL)
    place = {
        name: height
        for height, names in enumerate(reversed(contract("clawbot_agent.features")))
        for name in names - {"registry"}
    }
    named = code_spans(order)
    assert sorted(named) == sorted(place)
    assert [place[name] for name in named] == sorted(place.values())
