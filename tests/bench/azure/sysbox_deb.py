"""A stand-in for the Sysbox package: a .deb that behaves like the real one at installation.

The behavior follows nestybox/sysbox-pkgr, deb/sysbox-ce/: it refuses to configure when Docker has
containers and lacks the network keys, merges its keys into daemon.json, and restarts Docker only
when it had to add network keys.
"""

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Final

DEFAULT_VERSION: Final = "0.6.7"
VERSIONS: Final = (DEFAULT_VERSION, "0.7.1")
_PARTS: Final = Path(__file__).parent / "sysbox"
# any fixed time: the same inputs must give the same bytes
_EPOCH_SECONDS: Final = 1_746_748_800
_CONTROL_FILES: Final = ("control", "preinst", "config", "postinst", "prerm", "postrm")
_INSTALLED: Final = {
    "usr/bin/sysbox-runc": ("sysbox-runc", 0o755),
    "usr/bin/sysbox-mgr": ("daemon", 0o755),
    "usr/bin/sysbox-fs": ("daemon", 0o755),
    "lib/systemd/system/sysbox.service": ("sysbox.service", 0o644),
    "lib/systemd/system/sysbox-mgr.service": ("sysbox-mgr.service", 0o644),
    "lib/systemd/system/sysbox-fs.service": ("sysbox-fs.service", 0o644),
    "usr/lib/sysctl.d/99-sysbox-sysctl.conf": ("99-sysbox-sysctl.conf", 0o644),
}


def file_name(version: str, architecture: str) -> str:
    """Return upstream's name of the release asset."""
    return f"sysbox-ce_{version}.linux_{architecture}.deb"


def inputs(version: str, architecture: str) -> dict[str, str]:
    """Return the package's inputs, for the cache."""
    parts = {path.name: sha256(path) for path in sorted(_PARTS.iterdir())}
    recipe = sha256(Path(__file__))
    return {"version": version, "architecture": architecture, "recipe": recipe, **parts}


def build(target: Path, *, version: str, architecture: str) -> None:
    """Build the package into the directory ``target``.

    Raises:
        subprocess.CalledProcessError: dpkg-deb failed.
    """
    replacements = {"@VERSION@": version, "@ARCHITECTURE@": architecture}
    with tempfile.TemporaryDirectory(dir=target, prefix=".tree-") as name:
        tree = Path(name)
        for part in _CONTROL_FILES:
            mode = 0o644 if part == "control" else 0o755
            _place(_PARTS / part, tree / "DEBIAN" / part, mode, replacements)
        for destination, (part, mode) in _INSTALLED.items():
            _place(_PARTS / part, tree / destination, mode, replacements)
        _flatten_times(tree)
        subprocess.run(
            (
                *("dpkg-deb", "--root-owner-group", "-Zgzip", "--build", str(tree)),
                str(target / file_name(version, architecture)),
            ),
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "SOURCE_DATE_EPOCH": str(_EPOCH_SECONDS)},
        )


def sha256(path: Path) -> str:
    """Return the file's SHA-256 in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _place(source: Path, destination: Path, mode: int, replacements: dict[str, str]) -> None:
    text = source.read_text()
    for placeholder, value in replacements.items():
        text = text.replace(placeholder, value)
    destination.parent.mkdir(parents=True, exist_ok=True)
    destination.write_text(text)
    destination.chmod(mode)


def _flatten_times(tree: Path) -> None:
    # mkdtemp created the top with mode 0700, and the umask is unknown
    tree.chmod(0o755)
    for path in sorted(tree.rglob("*"), reverse=True):
        if path.is_dir():
            path.chmod(0o755)
        os.utime(path, (_EPOCH_SECONDS, _EPOCH_SECONDS))
    os.utime(tree, (_EPOCH_SECONDS, _EPOCH_SECONDS))
