"""Prepares and tags a release, in two steps so that it can be reviewed in between.

    .venv/bin/python packaging/release.py prepare [VERSION]    `make release [VERSION=0.3.0]`
    .venv/bin/python packaging/release.py tag                  `make tag`

`prepare` sets the version, turns changelog.d into release notes, builds everything into dist/,
checks it and commits. Without VERSION it releases the version under development: 0.2.0 from
0.2.0.dev0. If a step fails, the checkout is restored.

`tag` tags that commit and prints how to publish it. Neither step pushes or uploads anything.
"""

import argparse
import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import build_release

_ROOT: Final = Path(__file__).resolve().parents[1]
_DIST: Final = _ROOT / "dist"
_SUMS: Final = _DIST / "SHA256SUMS"
_CHANGELOG: Final = _ROOT / "CHANGELOG.md"
_FRAGMENTS: Final = _ROOT / "changelog.d"
_VERSION_FILE: Final = _ROOT / "agent/clawbot_agent/__init__.py"
_WRITTEN: Final = tuple(
    str(path.relative_to(_ROOT)) for path in (_VERSION_FILE, _CHANGELOG, _FRAGMENTS)
)
_FINAL: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
_BIN: Final = Path(sys.executable).parent
_RELATIVE_LINK: Final = re.compile(
    r"\]\((?!https?:|#|mailto:)[^)]*\)|\b(?:src|href)=\"(?!https?:|#|mailto:)[^\"]*\""
)


class ReleaseError(Exception):
    """The release is not possible; the message says what to do."""


def main() -> None:
    """Run one of the two commands; exit 1 with the reason if it fails."""
    options = _parser().parse_args()
    try:
        if options.what == "prepare":
            prepare(options.version)
        else:
            tag()
    except ReleaseError as error:
        sys.exit(f"no release: {error}")
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd))
        sys.exit(f"no release: {command} exited {error.returncode}; see its output above")


def prepare(wanted: str | None) -> None:
    """Build, check and commit, without a tag.

    Raises:
        ReleaseError, subprocess.CalledProcessError: a step failed; the checkout is restored.
    """
    _refuse_changes()
    number = release_number(build_release.version(), wanted)
    _refuse_tag(number)
    try:
        _set_version(number)
        notes = _notes(number)
        build_release.build_all(_DIST)
        _check(number)
    except BaseException:
        _git("restore", "--source=HEAD", "--staged", "--worktree", "--", *_WRITTEN)
        raise
    (_DIST / "NOTES.md").write_text(notes)
    _git("add", "--all", "--", *_WRITTEN)
    # a repeated 'prepare' of the same version has nothing to commit
    if _git("status", "--porcelain"):
        _git("commit", "--quiet", "--message", f"Release {number}")
    sys.stdout.write(
        f"\n{number} is committed and built in dist/; read dist/NOTES.md, then run: make tag\n"
    )


def tag() -> None:
    """Tag the commit of `prepare` and print how to publish it.

    Raises:
        ReleaseError: HEAD or dist/ has changed since `prepare`.
        subprocess.CalledProcessError: git refused.
    """
    _refuse_changes()
    number = build_release.version()
    notes = section(_CHANGELOG.read_text(), number)
    if notes is None or _git("log", "-1", "--format=%s") != f"Release {number}":
        msg = "HEAD: not a release; run 'make release'"
        raise ReleaseError(msg)
    _refuse_tag(number)
    files = _verified(number)
    message = ("--cleanup=whitespace", "--message", f"clawbot-agent {number}\n\n{notes}")
    _git("tag", "--annotate", *message, f"v{number}")
    index = " ".join(f"dist/{name}" for name in files if not name.endswith(".tar"))
    archives = " ".join(f"dist/{name}" for name in files if name.endswith(".tar"))
    sys.stdout.write(
        f"v{number} is tagged in this checkout. To publish it, run:\n"
        f"    git push origin HEAD v{number}\n"
        f"    twine upload {index}\n"
        f"    gh release create v{number} --notes-file dist/NOTES.md"
        f" {index} {archives} dist/SHA256SUMS\n"
        f"Then set __version__ to the next development version, for example"
        f' "{_next(number)}".\n'
    )


def release_number(current: str, wanted: str | None) -> str:
    """Return the version to release.

    Args:
        current: the version in the sources, for example "0.2.0.dev0".
        wanted: the chosen version; None for the version under development.

    Raises:
        ReleaseError: it does not have the form 1.2.3, or is lower than the current one.
    """
    base = current.partition(".dev")[0]
    number = wanted or base
    if not _FINAL.fullmatch(number):
        msg = f"{number!r} is not of the form 1.2.3"
        raise ReleaseError(msg)
    if _key(number) < _key(base):
        msg = f"{number} is lower than {current}"
        raise ReleaseError(msg)
    return number


def section(changelog: str, number: str) -> str | None:
    """Return the changelog's section of one version without its heading; None if there is none."""
    heading = rf"^## {re.escape(number)} \([^\n]*\)\n"
    found = re.search(heading + r"(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    return found[1].strip() + "\n" if found else None


def relative_link(markdown: str) -> str | None:
    """Return the first relative link, which works only within the repository."""
    found = _RELATIVE_LINK.search(markdown)
    return found[0] if found else None


def _key(number: str) -> tuple[int, ...]:
    return tuple(map(int, number.split(".")))


def _next(number: str) -> str:
    major, minor, _ = _key(number)
    return f"{major}.{minor + 1}.0.dev0"


def _set_version(number: str) -> None:
    text = _VERSION_FILE.read_text()
    _VERSION_FILE.write_text(text.replace(f'"{build_release.version()}"', f'"{number}"'))


def _notes(number: str) -> str:
    if section(_CHANGELOG.read_text(), number) is None:
        if not list(_FRAGMENTS.glob("*.*.md")):
            msg = "changelog.d: no fragment, so there is nothing to release"
            raise ReleaseError(msg)
        _tool("towncrier", "build", "--yes", "--version", number)
    notes = section(_CHANGELOG.read_text(), number)
    if notes is None:
        msg = f"CHANGELOG.md: no section for {number} after towncrier"
        raise ReleaseError(msg)
    return notes


def _check(number: str) -> None:
    """Check with twine and pyroma (10 of 10), and check that the README's links are absolute."""
    files = _verified(number)
    packages = [str(_DIST / name) for name in files if name.endswith((".whl", ".gz"))]
    _tool("twine", "check", "--strict", *packages)
    for package in packages:
        if package.endswith(".gz"):
            _tool("pyroma", "--quiet", "--min", "10", package)
            continue
        with zipfile.ZipFile(package) as wheel:
            name = next(name for name in wheel.namelist() if name.endswith("/METADATA"))
            description = wheel.read(name).decode()
        if link := relative_link(description):
            msg = f"README.md: relative link, which does not work on the index: {link}"
            raise ReleaseError(msg)


def _verified(number: str) -> list[str]:
    """Return the names of the files in dist/, after a check against SHA256SUMS.

    Raises:
        ReleaseError: a file is missing, changed, or of another version.
    """
    names = []
    for line in _SUMS.read_text().splitlines() if _SUMS.exists() else ():
        digest, _, name = line.partition("  ")
        path = _DIST / name
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            msg = f"dist/{name}: does not match SHA256SUMS; run 'make release'"
            raise ReleaseError(msg)
        names.append(name)
    if not names or [name for name in names if f"-{number}" not in name]:
        msg = f"dist/: does not contain {number}; run 'make release'"
        raise ReleaseError(msg)
    return names


def _refuse_changes() -> None:
    if found := _git("status", "--porcelain"):
        msg = f"uncommitted changes; commit or remove them:\n{found}"
        raise ReleaseError(msg)


def _refuse_tag(number: str) -> None:
    if _git("tag", "--list", f"v{number}"):
        msg = f"tag v{number} already exists; choose another version: make release VERSION=…"
        raise ReleaseError(msg)


def _git(*arguments: str) -> str:
    argv = ("git", *arguments)
    done = subprocess.run(argv, cwd=_ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


def _tool(name: str, *arguments: str) -> None:
    subprocess.run((str(_BIN / name), *arguments), cwd=_ROOT, check=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    verbs = parser.add_subparsers(dest="what", required=True)
    prepare_parser = verbs.add_parser("prepare")
    prepare_parser.add_argument("version", nargs="?", help="for example 0.3.0")
    verbs.add_parser("tag")
    return parser


if __name__ == "__main__":
    main()
