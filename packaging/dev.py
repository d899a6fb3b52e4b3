"""Makes the environment for development from packaging/dev.lock, and the locks themselves.

    python3 packaging/dev.py install .venv       exactly what the lock names, then this checkout
    python3 packaging/dev.py build-tools VENV    only what build_release.py needs
    .venv/bin/python packaging/dev.py lock       new versions into all three locks (`make lock`)

`install` needs Python with venv and nothing else: pip brings uv, whose version and hash are in the
lock as well, and uv brings the rest in a twentieth of the time that pip takes.
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
# lock, what goes in, more options
_LOCKS: Final = (
    # what the agent installs on a machine
    ("requirements.lock", "pyproject.toml", ()),
    # tested with what is shipped
    ("dev.lock", "pyproject.toml", ("--extra", "dev", "--constraint", _SHIPPED)),
    # the pip that installs the agent there
    ("pip.lock", "-", ("--no-annotate",)),
)


def main() -> None:
    """Do one of the three; say which command failed."""
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
        sys.exit(f"{command}: exit status {error.returncode}; its reason is above")


def install(venv: Path) -> None:
    """Make the environment at `venv`: the lock's packages, then this checkout, editable.

    An index that is set for pip alone (its files, `PIP_INDEX_URL`) holds for uv too. Where uv
    fails, as with an index that it does not understand, pip installs the same lock.

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
        sys.stderr.write("uv failed; pip installs the same lock, which takes about a minute\n")
        _run(*pip, "--require-hashes", "--no-deps", "--requirement", str(_DEV_LOCK))
    # setuptools, the build backend, comes from the lock: no isolated build that fetches another
    _run(*pip, "--no-deps", "--no-build-isolation", "--editable", str(_ROOT))


def install_build_tools(venv: Path) -> None:
    """Make an environment at `venv` that can build a release, and nothing more.

    Raises:
        subprocess.CalledProcessError: venv or pip failed.
    """
    _venv_with("setuptools", venv)


def lock() -> None:
    """Write all three locks with the newest versions that pyproject.toml allows.

    Raises:
        subprocess.CalledProcessError: uv found no versions that fit, or no index.
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
    """The lines of one package in a lock: its version and hashes.

    Raises:
        LookupError: the lock does not name it.
    """
    entry = re.compile(rf"^{re.escape(package)}==.*\\\n(?:    --hash=.*\n)+", re.MULTILINE)
    found = entry.search(text)
    if found is None:
        msg = f"no {package} in the lock: run `make lock`"
        raise LookupError(msg)
    return found[0]


def uv_environment(environment: Mapping[str, str], index_of_pip: str) -> dict[str, str]:
    """Environment for uv, which does not read pip's configuration.

    Args:
        environment: the present one; an index that it names for uv is left alone.
        index_of_pip: address of the index that pip uses, or "" for pip's default.
    """
    named = {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & environment.keys()
    more = {"UV_DEFAULT_INDEX": index_of_pip} if index_of_pip and not named else {}
    return {**environment, **more}


def _venv_with(package: str, venv: Path) -> Path:
    """A new environment with one package of the lock; its Python."""
    # without what an earlier lock named
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
    """Address of the index set for pip; the environment goes before its files, as in pip."""
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
