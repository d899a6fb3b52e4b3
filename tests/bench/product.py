"""The product on the bench: its release, a configuration, its installation.

The rest of this package, except the demos, does not depend on the product.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.bench import azure
from tests.bench.azure import artifacts
from tests.bench.bench import REPOSITORY, Bench
from tests.bench.cache import Cache
from tests.bench.commands import run
from tests.bench.errors import BenchError

_PYTHON: Final = "/usr/bin/python3"
# used by the container bench and the VM bench
_PYTHONS: Final = ("3.11", "3.13")
_BUILDER: Final = REPOSITORY / "packaging/build_release.py"
_TOOLS: Final = REPOSITORY / "packaging/dev.py"
_DEV_LOCK: Final = REPOSITORY / "packaging/dev.lock"
_LOCKS: Final = tuple(REPOSITORY / "packaging" / name for name in ("requirements.lock", "pip.lock"))
_SOURCES: Final = (
    *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "MANIFEST.in", "bootstrap.sh"),
    *("agent", "controller", "packaging", "systemd"),
)
_KEPT_RELEASES: Final = 6
_IMAGES: Final = Path("srv/clawbot/share/images")
_KEPT_IMAGES: Final = 2
_INSIDE: Final = "opt/clawbot-delivery"

HOST_PACKAGES: Final = ("python3-venv",)
TOKEN_SECRET: Final = "openclaw-gateway-token"  # noqa: S105 - the name of a secret
CONFIG_SECRET: Final = "openclaw-config"  # noqa: S105 - the name of a secret


def release(cache: Cache) -> tuple[Path, str]:
    """Return the release archive and its SHA-256, as an operator downloads them."""

    def make(directory: Path) -> None:
        _build(cache, "pack", directory, *wheel(cache).glob("*.whl"), wheelhouse(cache))

    entry = cache.get("release", [*_PYTHONS, _digest_of_sources()], make)
    os.utime(entry)
    kept = sorted(cache.root.glob("release-*"), key=lambda path: path.stat().st_mtime)
    for old in kept[:-_KEPT_RELEASES]:
        shutil.rmtree(old, ignore_errors=True)
    archive = next(entry.glob("*.tar"))
    with archive.open("rb") as file:
        return archive, hashlib.file_digest(file, "sha256").hexdigest()


def release_path(archive: Path) -> str:
    """Return the archive's path on github.com."""
    version = archive.name.split("-")[2]
    return f"/clawbot/clawbot-agent/releases/download/v{version}/{archive.name}"


def install(bench: Bench, archive: Path, *, start: bool = False) -> None:
    """Copy a release and bootstrap.sh into the machine and run bootstrap.sh.

    Args:
        bench: a running one.
        archive: from `release`.
        start: start the units as on an instance. Without it they are only enabled, because a run
            started by a unit would hold the lock that the caller's own runs need.

    Raises:
        BenchError: bootstrap.sh failed; the message contains its output.
    """
    inside = bench.root / _INSIDE
    shutil.rmtree(inside, ignore_errors=True)
    inside.mkdir(parents=True)
    for path in (archive, REPOSITORY / "bootstrap.sh"):
        shutil.copy(path, inside)
    mode = () if start else ("--no-start",)
    argv = (f"/{_INSIDE}/bootstrap.sh", *mode, f"/{_INSIDE}/{archive.name}")
    done = bench.exec(argv, timeout=600)
    if done.returncode != 0:
        msg = f"bootstrap.sh exited {done.returncode}:\n{done.stdout}{done.stderr}"
        raise BenchError(msg)


def restore_images(bench: Bench) -> None:
    """Put container images from earlier benches on the share, as an earlier instance would."""
    _link(bench.cache_dir / _IMAGES.name, bench.root / _IMAGES)


def keep_images(bench: Bench) -> None:
    """Keep the container images on this bench's share for later benches."""
    kept = bench.cache_dir / _IMAGES.name
    _link(bench.root / _IMAGES, kept)
    present = sorted(kept.glob("*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in present[_KEPT_IMAGES:]:
        path.unlink()


def _link(source: Path, target: Path) -> None:
    # hard links: the product replaces these files by rename and never writes to them
    for path in source.glob("[!.]*"):
        target.mkdir(parents=True, exist_ok=True)
        if not (target / path.name).exists():
            os.link(path, target / path.name)


def configuration(bench: Bench, **sections: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration for this bench: names as on Azure, the bench's Sysbox package.

    Args:
        bench: the bench that it is for.
        sections: keys to add or change, by section.
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
    """Return a configuration as YAML, with values in JSON syntax, a subset of YAML."""
    lines: list[str] = []
    for name, value in config.items():
        if isinstance(value, dict):
            lines.append(f"{name}:")
            lines += [f"  {key}: {json.dumps(inner)}" for key, inner in value.items()]
        else:
            lines.append(f"{name}: {json.dumps(value)}")
    return "\n".join(lines) + "\n"


def configure(bench: Bench, text: str) -> None:
    """Write a configuration to the path where the product reads it."""
    path = bench.root / "etc/clawbot/config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def wheelhouse(cache: Cache) -> Path:
    """Return a directory with the wheels of the agent's dependencies and of pip."""

    def make(directory: Path) -> None:
        _build(cache, "fetch", directory, "--python", *_PYTHONS)

    return cache.get("wheelhouse", [*_PYTHONS, *(lock.read_text() for lock in _LOCKS)], make)


def wheel(cache: Cache) -> Path:
    """Return a directory with the agent's wheel."""
    return cache.get(
        "agent-wheel", [_digest_of_sources()], lambda directory: _build(cache, "wheel", directory)
    )


def _build(cache: Cache, what: str, *arguments: str | Path) -> None:
    run(str(_tools(cache)), str(_BUILDER), what, *map(str, arguments))


def _tools(cache: Cache) -> Path:
    def make(directory: Path) -> None:
        run(_PYTHON, str(_TOOLS), "build-tools", str(directory / "venv"))

    key = [_python_version(), _DEV_LOCK.read_text()]
    return cache.get("build-tools", key, make) / "venv/bin/python"


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
    """Run a command in the machine on this terminal; return its exit code."""
    argv = bench.enter(command)
    return subprocess.run(argv, check=False, env={**os.environ}).returncode
