"""The run directory of one bench: creation, and removal with the mounts below it."""

import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.bench.commands import run

_DISCARD_SECONDS: Final = 10.0
_NSPAWN: Final = Path("/run/systemd/nspawn")


def make(run_dir: Path) -> None:
    """Create it in a different part of the disk each time.

    ext4 does not reuse an inode for minutes after its file was deleted, and skips all of them when
    it allocates a new one: copying a machine to where one was just removed takes ten times as
    long. Subdirectories of a directory marked as a top directory are spread over the disk by name.
    """
    parent = run_dir.parent
    parent.mkdir(parents=True, exist_ok=True)
    run("chattr", "+T", str(parent), check=False)
    made = Path(tempfile.mkdtemp(dir=parent, prefix="."))
    made.chmod(0o755)
    made.rename(run_dir)


def keep_logs(run_dir: Path, kept: Path) -> None:
    """Keep the logs of a failed start before the directory is removed."""
    kept.mkdir(parents=True, exist_ok=True)
    for path in run_dir.glob("*.log"):
        path.replace(kept / path.name)


def discard(run_dir: Path, name: str | None) -> None:
    """Unmount everything below it, delete it, and delete what a killed nspawn left in /run."""
    root = run_dir / "root"
    if name is not None and root.exists():
        held = root.stat()
        (_NSPAWN / "locks" / f"inode-{held.st_dev}:{held.st_ino}").unlink(missing_ok=True)
        for kind in ("propagate", "unix-export"):
            shutil.rmtree(_NSPAWN / kind / name, ignore_errors=True)
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((path for path in mounts if path.startswith(f"{run_dir}/")), reverse=True):
        run("umount", "--lazy", mount, check=False)
    deadline = time.monotonic() + _DISCARD_SECONDS
    while run_dir.exists() and time.monotonic() < deadline:
        # a process that is exiting may still write to it; rm is five times as fast as shutil here
        run("rm", "-rf", "--one-file-system", str(run_dir), check=False)
    with suppress(OSError):
        run_dir.parent.rmdir()
