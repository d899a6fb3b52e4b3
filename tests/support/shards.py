"""Shards: parts of the tests that only `make test-all` runs; CI runs one after `make test`.

A test is marked `extended("NAME")` with the shard it belongs to; see `docs/testing.md`.

    python -m tests.support.shards           print this commit's shard; the reason goes to stderr
    python -m tests.support.shards --list    print all shards
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

MARKER: Final = "extended"
# a prime number: pushes of several commits at a time still reach all of them
SHARDS: Final = (
    "bot",
    "controller-faults-1",
    "controller-faults-2",
    "drill-build",
    "drill-controlled",
    "drill-power-cuts",
    "vm-emulated",
    "vm-leaving",
    "vm-replacement",
    "vm-storage",
    "vm-two-instances",
)
_ROOT: Final = Path(__file__).resolve().parents[2]

Git = Callable[[Sequence[str]], str]


def git(arguments: Sequence[str]) -> str:
    """Return the output of git in the project.

    Raises:
        OSError, subprocess.CalledProcessError: git is missing, or this is not a repository.
    """
    argv = (shutil.which("git") or "git", *arguments)
    done = subprocess.run(argv, cwd=_ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def choose(run: Git = git) -> tuple[str, str]:
    """Return the shard of the present commit, and the reason.

    In a full clone the commits of the main line take turns. A shallow clone does not know its place
    in that line, so the commit's hash decides.
    """
    try:
        commit = run(("rev-parse", "HEAD"))
        if run(("rev-parse", "--is-shallow-repository")) == "true":
            number, why = int(commit, 16), f"commit {commit[:12]}, by its hash: a shallow clone"
        else:
            number = int(run(("rev-list", "--count", "--first-parent", "HEAD")))
            why = f"commit {commit[:12]} is number {number} of the main line"
    except (OSError, subprocess.CalledProcessError):
        number, why = 0, "no git repository"
    index = number % len(SHARDS)
    return SHARDS[index], f"shard {index + 1} of {len(SHARDS)}: {why}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the chosen shard, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.shards", description=__doc__)
    parser.add_argument("--list", action="store_true", help="print all shards, one per line")
    if parser.parse_args(arguments).list:
        sys.stdout.write("\n".join(SHARDS) + "\n")
        return 0
    name, why = choose()
    sys.stdout.write(f"{name}\n")
    sys.stderr.write(f"{name}: {why}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
