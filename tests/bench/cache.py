"""A directory of build results, each named by a digest of its inputs."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# the unit of st_blocks on Linux, whatever the file system's block size is
_BLOCK: Final = 512

Inputs = Mapping[str, str] | Sequence[str]


@dataclass(frozen=True, slots=True)
class Cache:
    """Entries below `root`, called `<kind>-<digest of the inputs>`."""

    root: Path

    def get(self, kind: str, inputs: Inputs, build: Callable[[Path], None]) -> Path:
        """Return the directory for these inputs; build it if it is missing.

        Args:
            kind: what is built; the readable half of the directory's name.
            inputs: everything the result depends on; different inputs give a different entry.
            build: fills an empty directory. Its exceptions are passed on.

        A second builder of the same entry, in this process or another, waits for the first.
        """
        name = f"{kind}-{digest(inputs)}"
        entry = self.root / name
        if entry.is_dir():
            return entry
        self.root.mkdir(parents=True, exist_ok=True)
        with _locked(self.root / f".{name}.lock"):
            if not entry.is_dir():
                self._build(entry, build)
        return entry

    def size(self) -> int:
        """Return the disk space that it uses, in bytes."""
        found = {}
        for folder, _, names in os.walk(self.root):
            for name in names:
                # renamed or deleted in the meantime
                with suppress(FileNotFoundError):
                    status = os.lstat(Path(folder, name))
                    found[status.st_dev, status.st_ino] = status.st_blocks * _BLOCK
        return sum(found.values())

    def _build(self, entry: Path, build: Callable[[Path], None]) -> None:
        self._sweep()
        partial = self.root / f".{entry.name}.partial"
        # left by a killed builder; this process holds the lock
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            build(partial)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        partial.rename(entry)

    def _sweep(self) -> None:
        """Delete what killed builders left of other entries; a running builder holds its lock."""
        for partial in self.root.glob(".*.partial"):
            with suppress(BlockingIOError), _locked(partial.with_suffix(".lock"), wait=False):
                shutil.rmtree(partial, ignore_errors=True)


def digest(inputs: Inputs) -> str:
    """Return twelve hex digits that depend on every input, but not on the order of a mapping."""
    canonical = dict(inputs) if isinstance(inputs, Mapping) else list(inputs)
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@contextmanager
def _locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    # the lock file is kept: after an unlink two builders could lock two different inodes
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
