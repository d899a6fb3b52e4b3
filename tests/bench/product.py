"""The product on the bench: its wheels, a configuration, its installation.

The bench itself, everything else in this package, knows nothing of it.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.bench import azure
from tests.bench.azure import artifacts
from tests.bench.bench import REPOSITORY, Bench
from tests.bench.cache import Cache
from tests.bench.commands import run
from tests.bench.errors import BenchError

# the machine's python, so that the wheels fit it
_PYTHON: Final = "/usr/bin/python3"
_LOCK: Final = REPOSITORY / "packaging/requirements.lock"
_SOURCES: Final = ("pyproject.toml", "README.md", "LICENSE", "agent", "systemd")
_IMAGES: Final = Path("srv/clawbot/share/images")
_KEPT_IMAGES: Final = 2
_INSIDE: Final = "opt/clawbot-delivery"

HOST_PACKAGES: Final = ("python3-venv",)
TOKEN_SECRET: Final = "openclaw-gateway-token"  # noqa: S105 - the name of a secret
CONFIG_SECRET: Final = "openclaw-config"  # noqa: S105 - the name of a secret


def build(cache: Cache) -> tuple[Path, Path]:
    """The product's wheel, and a directory with the wheels of all that it needs."""
    wheelhouse = _wheelhouse(cache)
    return next(_wheel(cache).glob("*.whl")), wheelhouse


def install(bench: Bench, *, wheel: Path, wheelhouse: Path) -> None:
    """Put the wheels and bootstrap.sh into the machine and run it.

    Raises:
        BenchError: bootstrap.sh failed; the message ends with what it said.
    """
    inside = bench.root / _INSIDE
    shutil.rmtree(inside, ignore_errors=True)
    shutil.copytree(wheelhouse, inside / "wheelhouse")
    shutil.copy(wheel, inside)
    shutil.copy(REPOSITORY / "bootstrap.sh", inside)
    script = f"/{_INSIDE}/bootstrap.sh"
    argv = (script, "--wheelhouse", f"/{_INSIDE}/wheelhouse", f"/{_INSIDE}/{wheel.name}")
    done = bench.exec(argv, timeout=600)
    if done.returncode != 0:
        msg = f"bootstrap.sh ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        raise BenchError(msg)


def restore_images(bench: Bench) -> None:
    """Put images that earlier benches built on the share, as an earlier instance would have."""
    _link(bench.cache_dir / _IMAGES.name, bench.root / _IMAGES)


def keep_images(bench: Bench) -> None:
    """Keep for later benches what this one saved on its share."""
    kept = bench.cache_dir / _IMAGES.name
    _link(bench.root / _IMAGES, kept)
    present = sorted(kept.glob("*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in present[_KEPT_IMAGES:]:
        path.unlink()


def _link(source: Path, target: Path) -> None:
    # hard links: the product replaces such files by renaming and never writes into them
    for path in source.glob("[!.]*"):
        target.mkdir(parents=True, exist_ok=True)
        if not (target / path.name).exists():
            os.link(path, target / path.name)


def configuration(bench: Bench, **sections: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration for this bench: names as on Azure, and the bench's own Sysbox package.

    Args:
        bench: where it is for.
        sections: keys to add to or change in the sections of that name.
    """
    config: dict[str, Any] = {
        "name": "bench-bot",
        "azure": {"client_id": azure.CLIENT_ID, "key_vault": azure.VAULT},
        "secrets": {"gateway_token": TOKEN_SECRET, "openclaw_config": CONFIG_SECRET},
        "sysbox": {"sha256": artifacts.sysbox_sha256(Cache(bench.cache_dir))},
    }
    for name, changes in sections.items():
        config[name] = {**config.get(name, {}), **changes}
    return config


def as_yaml(config: Mapping[str, Any]) -> str:
    """A configuration as people write it; its values are JSON, which YAML includes."""
    lines: list[str] = []
    for name, value in config.items():
        if isinstance(value, dict):
            lines.append(f"{name}:")
            lines += [f"  {key}: {json.dumps(inner)}" for key, inner in value.items()]
        else:
            lines.append(f"{name}: {json.dumps(value)}")
    return "\n".join(lines) + "\n"


def configure(bench: Bench, text: str) -> None:
    """Put a configuration where the product looks for it."""
    path = bench.root / "etc/clawbot/config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _wheelhouse(cache: Cache) -> Path:
    def fetch(directory: Path) -> None:
        pip = (str(_tools(cache)), "-m", "pip", "--disable-pip-version-check")
        flags = ("--quiet", "--no-deps", "--require-hashes", "--wheel-dir", str(directory))
        run(*pip, "wheel", *flags, "--requirement", str(_LOCK))
        run(*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(directory), "pip")

    return cache.get("wheelhouse", [_python_version(), "with pip", _LOCK.read_text()], fetch)


def _wheel(cache: Cache) -> Path:
    def make(directory: Path) -> None:
        # a copy: setuptools leaves its build directory beside what it builds, and reuses it
        with tempfile.TemporaryDirectory() as name:
            source = Path(name)
            for item in _SOURCES:
                path = REPOSITORY / item
                ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
                if path.is_dir():
                    shutil.copytree(path, source / item, ignore=ignored)
                else:
                    shutil.copy(path, source)
            flags = ("--quiet", "--no-deps", "--no-build-isolation")
            pip = (str(_tools(cache)), "-m", "pip", "--disable-pip-version-check")
            run(*pip, "wheel", *flags, "--wheel-dir", str(directory), str(source))

    return cache.get("agent-wheel", [_python_version(), _digest_of_sources()], make)


def _tools(cache: Cache) -> Path:
    def make(directory: Path) -> None:
        run(_PYTHON, "-m", "venv", str(directory / "venv"))
        python = str(directory / "venv/bin/python")
        run(python, "-m", "pip", "install", "--quiet", "setuptools>=77", "wheel")

    return cache.get("build-tools", [_python_version()], make) / "venv/bin/python"


def _python_version() -> str:
    return run(_PYTHON, "--version").strip()


def _digest_of_sources() -> str:
    digest = hashlib.sha256()
    for item in _SOURCES:
        path = REPOSITORY / item
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts and ".egg-info" not in str(file):
                digest.update(str(file.relative_to(REPOSITORY)).encode() + b"\0")
                digest.update(file.read_bytes())
    return digest.hexdigest()


def follow(bench: Bench, command: str) -> int:
    """Run a command inside with this terminal as its own; its exit code."""
    argv = bench.enter(command)
    return subprocess.run(argv, check=False, env={**os.environ}).returncode
