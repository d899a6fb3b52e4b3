"""Checks the project's English against the style guide, for `make lint`.

    python -m tests.support.check_language             print the findings; exit 1 if there are any
    python -m tests.support.check_language --report    print the number by rule and per 1,000 lines
    python -m tests.support.check_language PATH...     check only these files

It reads every text file that git tracks or would track. `language_rules` has the rejected words,
their alternatives and the exceptions; an unused exception is a finding too.
"""

import argparse
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Final

from tests.support import language_rules
from tests.support.language_rules import Allowed, Rule
from tests.support.prose import read, words

ROOT: Final = Path(__file__).resolve().parents[2]
_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One text to reword."""

    path: str
    line: int
    rule: str
    text: str
    instead: str

    def __str__(self) -> str:
        """Return it in the format of compiler messages, which editors understand."""
        return f"{self.path}:{self.line}: [{self.rule}] {self.text!r}: use {self.instead}"


@dataclass(slots=True)
class Checker:
    """Applies the rules to texts and records the exceptions used."""

    rules: Sequence[Rule] = language_rules.RULES
    allowed: Sequence[Allowed] = language_rules.ALLOWED
    lines: int = 0
    used: set[Allowed] = field(default_factory=set)

    def check(self, path: str, text: str) -> Iterator[Finding]:
        """Yield the findings in one file, by rule and line."""
        self.lines += text.count("\n")
        english = read(PurePosixPath(path), text)
        names = [(name, words(name.text)) for name in english.names]
        source = text.splitlines() or [""]
        for rule in self.rules:
            found = list(_in_text(rule, english.text))
            if rule.identifiers:
                found += [(name.line, name.text) for name, said in names if _hit(rule, said)]
            for line, said in found:
                if not self._allows(rule, path, source[min(line, len(source)) - 1]):
                    yield Finding(path, line, rule.name, said[:_SHOWN], rule.instead)

    def unneeded(self) -> Iterator[Finding]:
        """Yield the unused exceptions, once every file has been checked."""
        path = "tests/support/language_rules.py"
        for one in self.allowed:
            if one not in self.used:
                yield Finding(path, 1, one.rule, one.text, "no exception here: it is unused")

    def _allows(self, rule: Rule, path: str, line: str) -> bool:
        for one in self.allowed:
            if one.rule == rule.name and fnmatch(path, one.path) and one.matches(line):
                self.used.add(one)
                return True
        return False


def tracked() -> list[str]:
    """Return the paths of the checkout's files: tracked ones, and new ones that are not ignored.

    Raises:
        RuntimeError: git is missing, or this is not a checkout.
    """
    git = shutil.which("git")
    if git is None:
        msg = "git not found: install it, or pass the files to check"
        raise RuntimeError(msg)
    argv = (git, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        msg = f"git ls-files: {done.stderr.strip()}"
        raise RuntimeError(msg)
    return sorted({name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()})


def is_exempt(path: str) -> bool:
    """Return whether `EXEMPT` covers the path."""
    return any(fnmatch(path, glob) for glob in language_rules.EXEMPT)


def report(findings: Iterable[Finding], lines: int) -> str:
    """Return a table of the findings by rule, and the total per 1,000 lines."""
    counts = Counter(finding.rule for finding in findings)
    rows = [f"{counts[rule.name]:6}  {rule.name}" for rule in language_rules.RULES]
    total = counts.total()
    rate = 1000 * total / lines if lines else 0
    return "\n".join([*rows, f"{total:6}  in {lines} lines: {rate:.2f} per 1,000"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the files; return 0 if there are no findings."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--report", action="store_true", help="print only counts; exit 0")
    parser.add_argument(
        "paths", nargs="*", help="relative to the root of the checkout; default: all files"
    )
    options = parser.parse_args(arguments)
    checker = Checker()
    findings = [
        finding
        for path in options.paths or tracked()
        if not is_exempt(path)
        for finding in checker.check(path, (ROOT / path).read_text(encoding="utf-8"))
    ]
    if not options.paths:
        findings += checker.unneeded()
    if options.report:
        sys.stdout.write(f"{report(findings, checker.lines)}\n")
        return 0
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    return 1 if findings else 0


def _in_text(rule: Rule, text: str) -> Iterator[tuple[int, str]]:
    line, position = 1, 0
    for match in rule.pattern.finditer(text):
        if match["hit"] is None:
            continue
        start = match.start("hit")
        line += text.count("\n", position, start)
        position = start
        yield line, " ".join(match["hit"].split())


def _hit(rule: Rule, said: str) -> bool:
    return any(match["hit"] is not None for match in rule.pattern.finditer(said))


if __name__ == "__main__":
    sys.exit(main())
