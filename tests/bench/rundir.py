"""The directory of one running bench: made, emptied of mounts and removed."""

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
    """Make it in another part of the disk each time.

    ext4 does not reuse an inode for minutes after its file was deleted, and searches past all of
    them for each new one: a machine made where one was just removed takes ten times as long to
    copy. Directories in one marked as a top directory are spread by their first name.
    """
    parent = run_dir.parent
    parent.mkdir(parents=True, exist_ok=True)
    run("chattr", "+T", str(parent), check=False)
    made = Path(tempfile.mkdtemp(dir=parent, prefix="."))
    made.chmod(0o755)
    made.rename(run_dir)


def keep_logs(run_dir: Path, kept: Path) -> None:
    """Save what explains a failed start from being removed with everything else."""
    kept.mkdir(parents=True, exist_ok=True)
    for path in run_dir.glob("*.log"):
        path.replace(kept / path.name)


def discard(run_dir: Path, name: str | None) -> None:
    """Delete it, mounts below it first, and what a killed nspawn of this name left in /run."""
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
        # a process that is just ending may still write below; for a hundred thousand files rm takes
        # a fifth of what shutil takes
        run("rm", "-rf", "--one-file-system", str(run_dir), check=False)
    with suppress(OSError):
        run_dir.parent.rmdir()
