"""Modified releases of the product, for tests of its installation."""

import shutil
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path


def altered(
    archive: Path, target: Path, *, files: Mapping[str, bytes | None], drop: str | None = None
) -> Path:
    """Return a release archive like `archive`, with changed files in the agent's wheel.

    Args:
        archive: the original.
        target: directory for the new one.
        files: path in the wheel (without its .data prefix for share/clawbot) to content; None
            removes the file.
        drop: prefix of the name of a wheel to remove.
    """
    with tarfile.open(archive) as tar:
        tar.extractall(target / "wheels", filter="data")
    wheel = next((target / "wheels").glob("clawbot_agent-*.whl"))
    rewrite(wheel, files)
    result = target / archive.name
    with tarfile.open(result, "w") as tar:
        for path in sorted((target / "wheels").iterdir()):
            if drop is None or not path.name.startswith(drop):
                tar.add(path, path.name)
    shutil.rmtree(target / "wheels")
    return result


def rewrite(wheel: Path, files: Mapping[str, bytes | None]) -> None:
    """Change files in a wheel, in place."""
    prefix = f"{'-'.join(wheel.name.split('-')[:2])}.data/data/"
    wanted = {
        (prefix + name if name.startswith("share/") else name): v for name, v in files.items()
    }
    partial = wheel.with_suffix(".partial")
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(partial, "w") as new:
        for entry in old.infolist():
            if entry.filename not in wanted:
                new.writestr(entry, old.read(entry))
        for name, content in wanted.items():
            if content is not None:
                new.writestr(name, content)
    partial.rename(wheel)
