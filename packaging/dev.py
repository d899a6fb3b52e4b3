"""Creates the development environment from packaging/dev.lock, and the locks themselves.

    python3 packaging/dev.py install .venv       exactly the locked packages, then this checkout
    python3 packaging/dev.py build-tools VENV    only the packages that build_release.py needs
    .venv/bin/python packaging/dev.py lock       update all three locks (`make lock`)

`install` needs only Python with venv: pip installs uv, whose version and hash are in the lock, and
uv installs everything else in a twentieth of pip's time.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[1]
_DEV_LOCK: Final = _ROOT / "packaging/dev.lock"
_COMPILE: Final = (
    *("pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-emit-index-url", "--no-header", "--upgrade"),
)
_SHIPPED: Final = "packaging/requirements.lock"
# lock, its input, more options
_LOCKS: Final = (
    # the agent's dependencies on an instance
    ("requirements.lock", "pyproject.toml", ()),
    # development uses the shipped versions
    ("dev.lock", "pyproject.toml", ("--extra", "dev", "--constraint", _SHIPPED)),
    # the pip that installs the agent there
    ("pip.lock", "-", ("--no-annotate",)),
)


def main() -> None:
    """Run one of the three commands; on failure, name the program that failed."""
    options = _parser().parse_args()
    try:
        match options.what:
            case "install":
                install(options.venv)
            case "build-tools":
                install_build_tools(options.venv)
            case "lock":
                lock()
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd))
        sys.exit(f"{command}: exited {error.returncode}; see its output above")


def install(venv: Path) -> None:
    """Create the environment at `venv`: the lock's packages, then this checkout, editable.

    An index that is configured for pip (its files, `PIP_INDEX_URL`) is used for uv too. If uv
    fails, for example because it does not support the index, pip installs the same lock.

    Raises:
        subprocess.CalledProcessError: venv, or both uv and pip, failed.
    """
    python = _venv_with("uv", venv)
    pip = _pip_install(python)
    try:
        _run(
            *(str(venv / "bin/uv"), "pip", "install", "--quiet", "--python", str(python)),
            *("--require-hashes", "--no-deps", "--requirement", str(_DEV_LOCK)),
            environment=uv_environment(os.environ, _index_of_pip(python)),
        )
    except subprocess.CalledProcessError:
        sys.stderr.write(
            "uv failed: installing the same lock with pip, which takes about a minute\n"
        )
        _run(*pip, "--require-hashes", "--no-deps", "--requirement", str(_DEV_LOCK))
    # no build isolation: setuptools, the build backend, comes from the lock
    _run(*pip, "--no-deps", "--no-build-isolation", "--editable", str(_ROOT))


def install_build_tools(venv: Path) -> None:
    """Create an environment at `venv` that can only build a release.

    Raises:
        subprocess.CalledProcessError: venv or pip failed.
    """
    _venv_with("setuptools", venv)


def lock() -> None:
    """Write all three locks with the newest versions that pyproject.toml allows.

    Raises:
        subprocess.CalledProcessError: uv found no matching versions, or no index.
    """
    python = Path(sys.executable)
    environment = uv_environment(os.environ, _index_of_pip(python))
    for name, source, more in _LOCKS:
        _run(
            *(str(python.parent / "uv"), *_COMPILE, *more, source),
            *("--output-file", f"packaging/{name}"),
            environment=environment,
            stdin="pip",
        )


def pinned(package: str, text: str) -> str:
    """Return the lines of one package in a lock: its version and hashes.

    Raises:
        LookupError: the lock does not have it.
    """
    entry = re.compile(rf"^{re.escape(package)}==.*\\\n(?:    --hash=.*\n)+", re.MULTILINE)
    found = entry.search(text)
    if found is None:
        msg = f"{package}: not in the lock; run 'make lock'"
        raise LookupError(msg)
    return found[0]


def uv_environment(environment: Mapping[str, str], index_of_pip: str) -> dict[str, str]:
    """Return the environment for uv, which does not read pip's configuration.

    Args:
        environment: the current one; its index for uv, if any, is kept.
        index_of_pip: URL of pip's index, or "" for pip's default.
    """
    named = {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & environment.keys()
    more = {"UV_DEFAULT_INDEX": index_of_pip} if index_of_pip and not named else {}
    return {**environment, **more}


def _venv_with(package: str, venv: Path) -> Path:
    """Create an environment with one package of the lock; return its Python."""
    # without packages of an earlier lock
    _run(sys.executable, "-m", "venv", "--clear", str(venv))
    python = venv / "bin/python"
    with tempfile.TemporaryDirectory() as name:
        one = Path(name) / "requirements.txt"
        one.write_text(pinned(package, _DEV_LOCK.read_text()))
        options = ("--require-hashes", "--no-deps", "--requirement", str(one))
        _run(*_pip_install(python), *options)
    return python


def _pip_install(python: Path) -> tuple[str, ...]:
    return (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")


def _index_of_pip(python: Path) -> str:
    """Return the URL of pip's index; as in pip, the environment overrides its files."""
    if address := os.environ.get("PIP_INDEX_URL"):
        return address
    done = subprocess.run(
        (str(python), "-m", "pip", "config", "get", "global.index-url"),
        capture_output=True,
        text=True,
        check=False,
    )
    # status 1: not set
    return done.stdout.strip() if done.returncode == 0 else ""


def _run(
    *argv: str, environment: Mapping[str, str] | None = None, stdin: str | None = None
) -> None:
    subprocess.run(argv, check=True, cwd=_ROOT, env=environment, input=stdin, text=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    verbs = parser.add_subparsers(dest="what", required=True)
    for what in ("install", "build-tools"):
        verbs.add_parser(what).add_argument("venv", type=Path)
    verbs.add_parser("lock")
    return parser


if __name__ == "__main__":
    main()
