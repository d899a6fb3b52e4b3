"""The duration of each suite: measured by `make`, printed at its end, kept in docs/testing.md.

    python3 -m tests.support.suite_times run SUITE COMMAND…   run it, and remember its time
    python3 -m tests.support.suite_times show SUITE…          the last times of these suites
    python3 -m tests.support.suite_times write                put all that is known into the docs

Standard library only: it measures the set-up of the development environment as well.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

_ROOT: Final = Path(__file__).resolve().parents[2]
RESULTS: Final = _ROOT / ".test-results"
DOCUMENT: Final = _ROOT / "docs/testing.md"
_BEGIN: Final = "<!-- begin: suite times, by `python3 -m tests.support.suite_times write` -->"
_END: Final = "<!-- end: suite times -->"
_SUITE: Final = re.compile(r"[a-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Suite:
    """One suite's last run.

    Attributes:
        name: of the target or the shard.
        seconds: from its start to its end.
        day: when that was, as YYYY-MM-DD in UTC.
        cores: of the host.
        tests: how many ran; -1 where no test report was written.
        skipped: how many of them were skipped.
        code: exit code of the command.
    """

    name: str
    seconds: float
    day: str
    cores: int
    tests: int = -1
    skipped: int = 0
    code: int = 0

    @classmethod
    def load(cls, name: str, *, folder: Path = RESULTS) -> Self | None:
        """The last run of the suite of this name; None when it never ran here."""
        path = folder / f"{name}.json"
        return cls(**json.loads(path.read_text())) if path.exists() else None

    def save(self, *, folder: Path = RESULTS) -> None:
        """Remember it."""
        folder.mkdir(exist_ok=True)
        (folder / f"{self.name}.json").write_text(json.dumps(asdict(self), indent=2) + "\n")

    def counted(self) -> str:
        """How many tests, in words; empty where there are none."""
        if self.tests < 0:
            return ""
        return f"{self.tests}" + (f", {self.skipped} skipped" if self.skipped else "")


def run(name: str, command: Sequence[str], *, folder: Path = RESULTS) -> int:
    """Run the command of a suite and remember its time; its exit code.

    Args:
        name: of the suite; pytest's report is taken from NAME.xml in `folder`.
        command: program and arguments.
        folder: of the results.
    """
    folder.mkdir(exist_ok=True)
    report = folder / f"{name}.xml"
    report.unlink(missing_ok=True)
    began = time.monotonic()
    code = subprocess.call(command)
    tests, skipped = counts(report) if report.exists() else (-1, 0)
    day = time.strftime("%Y-%m-%d", time.gmtime())
    seconds = time.monotonic() - began
    Suite(name, seconds, day, os.cpu_count() or 1, tests, skipped, code).save(folder=folder)
    return code


def counts(report: Path) -> tuple[int, int]:
    """How many tests ran, and how many were skipped, by a JUnit report."""
    suites = ET.parse(report).getroot().iter("testsuite")  # noqa: S314 - our own pytest wrote it
    found = [(int(suite.get("tests", 0)), int(suite.get("skipped", 0))) for suite in suites]
    return sum(tests for tests, _ in found), sum(skipped for _, skipped in found)


def lines(suites: Iterable[Suite]) -> list[str]:
    """A table for the terminal, with the sum."""
    known = list(suites)
    total = sum(suite.seconds for suite in known)
    rows = [*known, Suite("in all", total, "", 0)]
    width = max(len(suite.name) for suite in rows)
    return [
        f"{suite.name.ljust(width)}  {clock(suite.seconds):>8}  {suite.counted()}"
        f"{'  FAILED' if suite.code else ''}".rstrip()
        for suite in rows
    ]


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def table(suites: Iterable[Suite]) -> str:
    """The table of docs/testing.md."""
    rows = [
        f"| `{suite.name}` | {clock(suite.seconds)} | {suite.counted()} | {suite.cores} |"
        f" {suite.day} |"
        for suite in suites
    ]
    head = ("| suite | time | tests | cores | measured |", "| --- | ---: | --- | ---: | --- |")
    return "\n".join((*head, *rows))


def written(text: str, suites: Iterable[Suite]) -> str:
    """The document with its table replaced.

    Raises:
        ValueError: it has no place for the table.
    """
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        msg = f"{DOCUMENT.name} has no lines {_BEGIN!r} and {_END!r}"
        raise ValueError(msg)
    return f"{before}{begin}\n\n{table(suites)}\n\n{end}{after}"


def _all() -> list[Suite]:
    names = sorted(path.stem for path in RESULTS.glob("*.json"))
    return [suite for suite in map(Suite.load, names) if suite is not None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; its exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.support.suite_times")
    verbs = parser.add_subparsers(dest="verb", required=True)
    runner = verbs.add_parser("run", help="run a suite's command and remember its time")
    runner.add_argument("suite", help="letters, digits and dashes")
    runner.add_argument("command", nargs=argparse.REMAINDER)
    shown = verbs.add_parser("show", help="the last times of these suites")
    shown.add_argument("suites", nargs="+")
    verbs.add_parser("write", help="the table in docs/testing.md, from all that is known here")
    options = parser.parse_args(arguments)
    match options.verb:
        case "run":
            if not _SUITE.fullmatch(options.suite):
                parser.error(f"{options.suite!r}: letters, digits and dashes")
            return run(options.suite, options.command)
        case "show":
            suites = map(Suite.load, options.suites)
            sys.stdout.write("\n".join(lines(one for one in suites if one)) + "\n")
        case "write":
            DOCUMENT.write_text(written(DOCUMENT.read_text(), _all()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
