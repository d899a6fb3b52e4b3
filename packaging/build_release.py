"""Builds what a release consists of: the wheel, archives with all that it needs, SHA256SUMS.

    python3 packaging/build_release.py all dist       everything (`make release`)
    python3 packaging/build_release.py wheel DIR      the agent's wheel alone
    python3 packaging/build_release.py fetch DIR      the wheels of what it needs, and of pip
    python3 packaging/build_release.py pack DIR WHEEL FETCHED   an archive of both

Needs pip, setuptools >= 77 and wheel in the Python that runs it. The same sources and locks give
the same bytes.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[1]
_LOCKS: Final = (_ROOT / "packaging/requirements.lock", _ROOT / "packaging/pip.lock")
_SOURCES: Final = (
    *("pyproject.toml", "README.md", "LICENSE", "bootstrap.sh"),
    *("agent", "controller", "packaging", "systemd"),
)
# Debian 12, Ubuntu 24.04, Debian 13, Ubuntu 26.04
_PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
_ARCHITECTURES: Final = ("x86_64", "aarch64")
# glibc of the oldest of them
_GLIBC: Final = 36
# zip knows no time before 1980; a fixed one makes the wheel the same every time
_EPOCH: Final = "315532800"


def main() -> None:
    """Do one of the four."""
    options = _parser().parse_args()
    output: Path = options.output
    output.mkdir(parents=True, exist_ok=True)
    match options.what:
        case "wheel":
            build_wheel(output)
        case "fetch":
            fetch(output, options.python, options.arch)
        case "pack":
            pack(output, options.wheel, options.fetched, options.arch)
        case "all":
            _all(output, options.python)


def build_wheel(output: Path) -> Path:
    """The agent's wheel, built from a copy: setuptools leaves its scraps beside its sources."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        for item in _SOURCES:
            source = _ROOT / item
            if source.is_dir():
                shutil.copytree(source, copy / item, ignore=ignored)
            else:
                shutil.copy(source, copy)
        flags = ("--no-deps", "--no-build-isolation", "--wheel-dir", str(output))
        _pip("wheel", *flags, str(copy))
    return max(output.glob("clawbot_agent-*.whl"), key=lambda path: path.stat().st_mtime)


def fetch(output: Path, pythons: tuple[str, ...], arch: str) -> None:
    """Wheels of everything that the agent needs, for several Pythons at once, and of pip."""
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
    """One archive of the agent's wheel and of what was fetched.

    Not compressed: wheels are.
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


def _all(output: Path, pythons: tuple[str, ...]) -> None:
    for old in output.glob("clawbot*"):
        old.unlink()
    wheel = build_wheel(output)
    archives = []
    for arch in _ARCHITECTURES:
        with tempfile.TemporaryDirectory() as name:
            fetch(Path(name), pythons, arch)
            archives.append(pack(output, wheel, Path(name), arch))
    lines = [f"{_sha256(path)}  {path.name}\n" for path in (wheel, *archives)]
    (output / "SHA256SUMS").write_text("".join(lines))
    sys.stdout.write("".join(lines))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pip(*arguments: str) -> None:
    argv = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments)
    subprocess.run(argv, check=True, env={**os.environ, "SOURCE_DATE_EPOCH": _EPOCH})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    verbs = parser.add_subparsers(dest="what", required=True)
    for what in ("all", "wheel", "fetch", "pack"):
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
