"""The project is self-contained: no tracked file refers to a path outside the checkout."""

import ast
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
# paths that begin with ".." and are not in the checkout, with the reason
ELSEWHERE: Final = {
    "tests/bench/azure/node_image.py": "links between folders of a container image",
    "tests/bench/vm/disk.py": "links between folders of a machine's disk",
    "tests/unit/controller/test_assets.py": "a path that pip records for an installed file",
    "tests/contract/host/test_hostile_files.py": "paths that a directory must refuse",
    "tests/contract/test_self_contained.py": "the paths that are refused",
}
_CLIMB: Final = re.compile(r"(?P<before>[^\s\"'`(=:]*?)(?P<up>(?:\.\./)+)(?P<path>[^\s\"'`)#:,;]*)")
_SIBLING: Final = re.compile(
    r"""(?<![\w./-])(?:\./)?shared/"""  # as one string
    r"""|["']shared["']\s*/"""  # joined with Path's slash
    rf"""|(?<![\w./-]){re.escape(str(ROOT))}(?![\w-])"""  # the path of this checkout
)


def tracked() -> list[str]:
    names = subprocess.run(
        ("git", "-C", str(ROOT), "ls-files", "-z"),  # noqa: S607 - git is found on PATH
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in names.stdout.split("\0") if name and (ROOT / name).is_file()]


def problems(name: str, text: str, names: frozenset[str]) -> list[str]:
    """Return the references of a file to paths outside the checkout.

    Args:
        name: path of the file from the root.
        text: its content.
        names: of all tracked files and their folders.
    """
    if name in ELSEWHERE:
        return []
    found = [f"{match[0].strip()}: a sibling of the checkout" for match in _SIBLING.finditer(text)]
    found += _climbing(name, text, names)
    found += _by_parents(name, text) if name.endswith(".py") else ()
    return found


def _climbing(name: str, text: str, names: frozenset[str]) -> Iterator[str]:
    folder = PurePosixPath(name).parent
    for match in _CLIMB.finditer(text):
        steps = match["up"].count("/")
        if steps > len(folder.parts):
            yield f"{match[0]}: climbs above the root"
        # "$here/../x" and "a/../b" have an unknown start; only the number of steps can be checked
        elif not match["before"]:
            target = PurePosixPath(*folder.parts[: len(folder.parts) - steps], match["path"])
            if str(target).rstrip("/.") not in names:
                yield f"{match[0]}: is not in the checkout"


def _by_parents(name: str, text: str) -> Iterator[str]:
    """Yield paths outside that Python code derives from `__file__` with `parent` and `parents`."""
    tree = ast.parse(text)
    known = {"__file__": 0}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            height = _height(node.value, known)
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            known |= dict.fromkeys(names, height) if height is not None else {}
    indexed = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Subscript)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute | ast.Subscript):
            continue
        if (_height(node, known) or 0) > len(PurePosixPath(name).parts):
            yield f"line {node.lineno}: above the root"
        bare = isinstance(node, ast.Attribute) and node.attr == "parents"
        if bare and id(node) not in indexed and _height(node.value, known) is not None:
            yield f"line {node.lineno}: parents up to the machine's root"


def _height(node: ast.AST | None, known: Mapping[str, int]) -> int | None:
    """Return how many folders an expression climbs above its file; None if it starts elsewhere."""
    match node:
        case ast.Name(id=name):
            return known.get(name)
        case ast.Call(func=ast.Name(id="Path"), args=[inner]):
            return _height(inner, known)
        case ast.Call(func=ast.Attribute(value=inner, attr="resolve" | "absolute")):
            return _height(inner, known)
        case ast.Attribute(value=inner, attr="parent"):
            height, steps = _height(inner, known), 1
        case ast.Subscript(
            value=ast.Attribute(value=inner, attr="parents"),
            slice=ast.Constant(value=int() as index),
        ):
            height, steps = _height(inner, known), index + 1
        case _:
            return None
    return None if height is None else height + steps


def test_no_tracked_file_refers_outside_the_checkout() -> None:
    files = tracked()
    names = frozenset(
        part for name in files for part in (name, *map(str, PurePosixPath(name).parents))
    )
    found = []
    for name in files:
        text = (ROOT / name).read_bytes().decode(errors="ignore")
        found += [f"{name}: {problem}" for problem in problems(name, text, names)]
    assert found == []


def test_every_exception_has_a_file() -> None:
    assert [name for name in ELSEWHERE if not (ROOT / name).is_file()] == []


NAMES: Final = frozenset({"tests", "tests/a.py", "docs", "docs/b.md"})
HERE: Final = "HERE = Path(__file__).resolve()\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("docs/b.md", "see [a](../tests/a.py)"),
        ("docs/b.md", "see [a](../tests/a.py#part)"),
        ("docs/b.md", "a/b/../c"),
        ("vagrant/stage.sh", 'cd "$here/../dist"'),
        ("tests/unit/x.py", "ROOT = Path(__file__).resolve().parents[2]"),
        ("tests/unit/x.py", "ROOT = Path(__file__).parent.parent.parent"),
        ("tests/unit/x.py", "for parent in path.parents: pass"),
        ("tests/unit/x.py", "site.shared / 2; mode = 'shared'; others_shared/2"),
        ("docs/b.md", f"a /srv{ROOT} folder of the user's"),
    ],
)
def test_reference_into_the_checkout_is_accepted(name: str, text: str) -> None:
    assert problems(name, text, NAMES) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Makefile", "cp ../full ."),
        ("docs/b.md", "see [a](../other/a.py)"),
        ("docs/b.md", "see ../../other/a.md"),
        ("tests/x.sh", 'cd "$here/../../dist"'),
        ("tests/x.py", 'open("../shared/arm-schemas")'),
        ("tests/x.py", 'folder = parent / "shared" / "arm-schemas"'),
        ("docs/b.md", "it is in `shared/arm-schemas`"),
        ("docs/b.md", f"it is in {ROOT}"),
        ("tests/unit/x.py", "ROOT = Path(__file__).resolve().parents[3]"),
        ("tests/unit/x.py", "ROOT = Path(__file__).parent.parent.parent.parent"),
        ("tests/unit/x.py", f"{HERE}UP = HERE.parents[2]\nOTHER = UP.parent / 'x'"),
        ("tests/unit/x.py", f"{HERE}for parent in HERE.parents: pass"),
        ("tests/unit/x.py", f"{HERE}for parent in HERE.parent.parents: pass"),
    ],
)
def test_reference_outside_the_checkout_is_refused(name: str, text: str) -> None:
    assert problems(name, text, NAMES) != []
