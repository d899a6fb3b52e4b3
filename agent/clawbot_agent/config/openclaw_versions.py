"""Which Node.js each OpenClaw release runs on.

The table is `npm view openclaw@VERSION engines.node`. It is needed because npm itself only
warns: OpenClaw 2026.9.6 installs on Node 22, answers `--version` and then refuses to serve
("node:sqlite truncates TEXT at embedded NUL").
"""

import re
from dataclasses import dataclass
from typing import Final

from semantic_version import (  # type: ignore[import-untyped]  # ships no type information
    NpmSpec,
    Version,
)

DEFAULT_VERSION: Final = "2026.9.6"
NEWEST_KNOWN: Final = "2026.9.6"
VERSION_PATTERN: Final = r"^20[0-9]{2}\.[0-9]{1,2}\.[0-9]{1,2}(-[0-9]{1,3}|-beta\.[0-9]{1,3})?$"

# a tag like "24" or "24.16" floats: it means the newest release of that line
_NEWEST_OF_LINE: Final = 9999
_NODE_REPOSITORY: Final = re.compile(r"(^|[-_.])node(js)?($|[-_.])")
_NODE_TAG: Final = re.compile(r"v?(\d{1,3})(?:\.(\d{1,3}))?(?:\.(\d{1,3}))?(?:-.*)?")


@dataclass(frozen=True, slots=True)
class Engines:
    """One row: from release `since` on, OpenClaw needs `node` (an npm range)."""

    since: str
    node: str
    base: str


TABLE: Final = (
    Engines("2026.1.29", ">=22.12.0", "node:22-trixie-slim"),
    Engines("2026.3.13", ">=22.16.0", "node:22-trixie-slim"),
    Engines("2026.3.24", ">=22.14.0", "node:22-trixie-slim"),
    Engines("2026.5.12", ">=22.16.0", "node:22-trixie-slim"),
    Engines("2026.5.18", ">=22.19.0", "node:22-trixie-slim"),
    Engines("2026.7.1", ">=22.22.3 <23 || >=24.15.0 <25 || >=25.9.0", "node:24-trixie-slim"),
    Engines("2026.9.3", ">=24.16.0 <25 || >=26.1.0", "node:24-trixie-slim"),
)


def _release(version: str) -> tuple[int, int, int]:
    year, month, patch = version.partition("-")[0].split(".")
    return int(year), int(month), int(patch)


def _order(version: str) -> tuple[int, int, int, int]:
    # unlike semver, OpenClaw's "-1" is a re-release after the plain version; "-beta.1" is before
    suffix = version.partition("-")[2]
    rank = -1 if suffix.startswith("beta") else int(suffix or 0)
    return (*_release(version), rank)


def is_newer_than_table(version: str) -> bool:
    """Say whether the release appeared after the table was made."""
    return _order(version) > _order(NEWEST_KNOWN)


def is_older_than_table(version: str) -> bool:
    """Say whether the release predates the first row (nothing is known about it)."""
    return _release(version) < _release(TABLE[0].since)


def engines_for(version: str) -> Engines:
    """Return the row of a release; a newer one than the table is taken to need the last row.

    Raises:
        LookupError: the release is older than the table.
    """
    for row in reversed(TABLE):
        # betas count with the release they lead up to
        if _release(version) >= _release(row.since):
            return row
    raise LookupError(version)


def node_of(reference: str) -> str | None:
    """Read the Node version ("24", "24.16", "24.16.0") from an image reference.

    Returns None unless the repository is a node image: the 24.04 of `ubuntu:24.04` is no Node.
    """
    repository, _, tag = reference.partition("@")[0].rpartition("/")[2].partition(":")
    found = _NODE_TAG.fullmatch(tag)
    if not found or not _NODE_REPOSITORY.search(repository):
        return None
    return ".".join(number for number in found.groups() if number is not None)


def node_runs(node: str, engines: Engines) -> bool:
    """Say whether a Node version satisfies the row; a partial one means its newest release."""
    numbers = [int(number) for number in node.split(".")]
    numbers += [_NEWEST_OF_LINE] * (3 - len(numbers))
    major, minor, patch = numbers
    return Version(major=major, minor=minor, patch=patch) in NpmSpec(engines.node)
