"""Builds the files of a release: wheel, sdist, archives with all dependencies, SHA256SUMS.

    python3 packaging/build_release.py all dist       everything (`make dist`)
    python3 packaging/build_release.py wheel DIR      only the agent's wheel
    python3 packaging/build_release.py sdist DIR      only the source distribution
    python3 packaging/build_release.py fetch DIR      the wheels of all dependencies and of pip
    python3 packaging/build_release.py pack DIR WHEEL FETCHED   one archive of both

The Python that runs it needs pip and setuptools >= 77. The same sources and locks give the same
bytes.
"""

import argparse
import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[1]
_LOCKS: Final = (_ROOT / "packaging/requirements.lock", _ROOT / "packaging/pip.lock")
_SOURCES: Final = (
    *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "MANIFEST.in", "bootstrap.sh"),
    *("agent", "controller", "packaging", "systemd"),
)
# Debian 12, Ubuntu 24.04, Debian 13, Ubuntu 26.04
_PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
_ARCHITECTURES: Final = ("x86_64", "aarch64")
# glibc of the oldest of them
_GLIBC: Final = 36
# a fixed time makes builds reproducible; zip has none before 1980
_EPOCH: Final = "315532800"
_VERSION: Final = re.compile(r"^__version__.*= \"(.+)\"$", re.MULTILINE)
# the target after [text] or ![alt]; an image may itself be the text of a link
_LINK: Final = re.compile(r"(?<=\])\((?!https?:|#|mailto:)([^)\s]+)\)")
_ATTRIBUTE: Final = re.compile(r"\b(src|href)=\"(?!https?:|#|mailto:)([^\"]+)\"")
_IMAGE: Final = re.compile(r"!\[[^\[\]]*$")


def main() -> None:
    """Run one of the five commands."""
    options = _parser().parse_args()
    output: Path = options.output
    output.mkdir(parents=True, exist_ok=True)
    match options.what:
        case "wheel":
            build_wheel(output)
        case "sdist":
            build_sdist(output)
        case "fetch":
            fetch(output, options.python, options.arch)
        case "pack":
            pack(output, options.wheel, options.fetched, options.arch)
        case "all":
            build_all(output, options.python)


def build_wheel(output: Path) -> Path:
    """Build the agent's wheel; return its path."""
    with _copy() as copy:
        flags = ("--no-deps", "--no-build-isolation", "--wheel-dir", str(output))
        _pip("wheel", *flags, str(copy))
    return max(output.glob("clawbot_agent-*.whl"), key=lambda path: path.stat().st_mtime)


def build_sdist(output: Path) -> Path:
    """Build the source distribution, without this machine's times and owners; return its path."""
    code = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    with _copy() as copy, tempfile.TemporaryDirectory() as name:
        argv = (sys.executable, "-c", code, name)
        subprocess.run(argv, cwd=copy, check=True, stdout=subprocess.DEVNULL)
        made = next(Path(name).glob("*.tar.gz"))
        target = output / made.name
        target.write_bytes(_normal(made))
    return target


def build_all(output: Path, pythons: tuple[str, ...] = _PYTHONS) -> None:
    """Build all files of a release and SHA256SUMS; older builds in `output` are removed."""
    output.mkdir(parents=True, exist_ok=True)
    for old in output.glob("clawbot*"):
        old.unlink()
    wheel = build_wheel(output)
    sdist = build_sdist(output)
    archives = []
    for arch in _ARCHITECTURES:
        with tempfile.TemporaryDirectory() as name:
            fetch(Path(name), pythons, arch)
            archives.append(pack(output, wheel, Path(name), arch))
    lines = [f"{_sha256(path)}  {path.name}\n" for path in (wheel, sdist, *archives)]
    (output / "SHA256SUMS").write_text("".join(lines))
    sys.stdout.write("".join(lines))


def absolute_links(readme: str, source: str, ref: str) -> str:
    """Return the README for a package index, where relative links do not work.

    Args:
        readme: Markdown, possibly with HTML.
        source: URL of the repository on GitHub.
        ref: tag or branch for the links.
    """

    def address(target: str, *, image: bool) -> str:
        return f"{source}/{'raw' if image else 'blob'}/{ref}/{target.removeprefix('./')}"

    def attribute(match: re.Match[str]) -> str:
        return f'{match[1]}="{address(match[2], image=match[1] == "src")}"'

    def link(match: re.Match[str]) -> str:
        before = html[: match.start() - 1]
        return f"({address(match[1], image=_IMAGE.search(before) is not None)})"

    html = _ATTRIBUTE.sub(attribute, readme)
    return _LINK.sub(link, html)


def version() -> str:
    """Return the version in the sources.

    Raises:
        LookupError: the sources have none.
    """
    found = _VERSION.search((_ROOT / "agent/clawbot_agent/__init__.py").read_text())
    if found is None:
        msg = 'agent/clawbot_agent/__init__.py has no line __version__ = "…"'
        raise LookupError(msg)
    return found[1]


def fetch(output: Path, pythons: tuple[str, ...], arch: str) -> None:
    """Download the wheels of the agent's dependencies, for several Pythons, and of pip."""
    platforms = [f"manylinux_2_{minor}_{arch}" for minor in range(_GLIBC, 4, -1)]
    platforms += [f"manylinux{year}_{arch}" for year in ("2014", "2010", "1")]
    for python in pythons:
        abis = (f"cp{python.replace('.', '')}", "abi3", "none")
        _pip(
            *("download", "--no-deps", "--require-hashes", "--only-binary=:all:"),
            *("--dest", str(output), "--implementation=cp", f"--python-version={python}"),
            *(f"--abi={abi}" for abi in abis),
            *(f"--platform={platform}" for platform in platforms),
            *(f"--requirement={lock}" for lock in _LOCKS),
        )


def pack(output: Path, wheel: Path, fetched: Path, arch: str) -> Path:
    """Pack the agent's wheel and the fetched wheels into one archive; return its path.

    It is not compressed, because wheels are.
    """
    version = wheel.name.split("-")[1]
    archive = output / f"clawbot-agent-{version}-{arch}.tar"
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted((wheel, *fetched.glob("*.whl")), key=lambda path: path.name):
            entry = tarfile.TarInfo(path.name)
            entry.size, entry.mode = path.stat().st_size, 0o644
            with path.open("rb") as file:
                tar.addfile(entry, file)
    return archive


@contextmanager
def _copy() -> Iterator[Path]:
    """Provide a copy of the sources, because setuptools leaves scratch files next to them."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        for item in _SOURCES:
            source = _ROOT / item
            if source.is_dir():
                shutil.copytree(source, copy / item, ignore=ignored)
            else:
                shutil.copy(source, copy)
        urls = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]["urls"]
        number = version()
        ref = f"v{number}" if re.fullmatch(r"[0-9.]+", number) else "main"
        readme = copy / "README.md"
        readme.write_text(absolute_links(readme.read_text(), urls["Source"], ref))
        yield copy


def _normal(sdist: Path) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(sdist) as old, tarfile.open(fileobj=raw, mode="w") as new:
        for entry in sorted(old.getmembers(), key=lambda entry: entry.name):
            plain = tarfile.TarInfo(entry.name)
            plain.type, plain.size, plain.mtime = entry.type, entry.size, int(_EPOCH)
            plain.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            new.addfile(plain, old.extractfile(entry) if entry.isfile() else None)
    return gzip.compress(raw.getvalue(), mtime=int(_EPOCH))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pip(*arguments: str) -> None:
    argv = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments)
    subprocess.run(argv, check=True, env={**os.environ, "SOURCE_DATE_EPOCH": _EPOCH})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    verbs = parser.add_subparsers(dest="what", required=True)
    for what in ("all", "wheel", "sdist", "fetch", "pack"):
        verb = verbs.add_parser(what)
        verb.add_argument("output", type=Path)
        if what == "pack":
            verb.add_argument("wheel", type=Path)
            verb.add_argument("fetched", type=Path)
        if what in {"all", "fetch"}:
            verb.add_argument("--python", nargs="+", default=_PYTHONS, metavar="3.NN")
        if what in {"fetch", "pack"}:
            verb.add_argument("--arch", choices=_ARCHITECTURES, default="x86_64")
    return parser


if __name__ == "__main__":
    main()
