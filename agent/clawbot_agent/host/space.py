"""How much room is left on a file system."""

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Space", "space_of"]


@dataclass(frozen=True, slots=True)
class Space:
    """Room for those who are not root: bytes and files (inodes)."""

    total_bytes: int
    free_bytes: int
    total_files: int
    free_files: int


def space_of(path: Path) -> Space:
    """Room on the file system of `path`; of a local one, for a share may never answer."""
    found = os.statvfs(path)
    return Space(
        total_bytes=found.f_blocks * found.f_frsize,
        free_bytes=found.f_bavail * found.f_frsize,
        total_files=found.f_files,
        free_files=found.f_favail,
    )
