"""Sections, tables and code spans of README and docs, for comparing them with the code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.support.doc_blocks import ROOT, documents

__all__ = ["Page", "Table", "code_spans", "every_page", "fenced", "shell_lines"]

_HEADING: Final = re.compile(r"^#+ (.+)$")
_FENCE: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_SPAN: Final = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_CELL: Final = re.compile(r"(?<!\\)\|")
_RULE: Final = re.compile(r"^\|[ |:-]+\|$")
_SHELLS: Final = frozenset({"shell", "sh", "bash", "console"})


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the cells of its header, and of each row below."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def names(self) -> list[str]:
        """Return the code spans in the first column."""
        return [span for row in self.rows for span in code_spans(row[0])]

    def row(self, key: str) -> tuple[str, ...]:
        """Return the row with a code span in its first column that is `key` or begins with it.

        Raises:
            KeyError: there is none.
        """
        for row in self.rows:
            if any(span == key or span.startswith(f"{key} ") for span in code_spans(row[0])):
                return row
        raise KeyError(key)


@dataclass(frozen=True, slots=True)
class Page:
    """A page, named by its path in the checkout."""

    name: str
    text: str

    @classmethod
    def of(cls, name: str) -> "Page":
        """Read the page `name` of the reference."""
        path = ROOT / "docs/reference" / name
        return cls(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))

    def sections(self) -> dict[str, str]:
        """Return the text below each heading, up to the next heading of any level."""
        found: dict[str, list[str]] = {"": []}
        heading, fenced = "", False
        for line in self.text.splitlines():
            fenced ^= line.lstrip().startswith("```")
            match = None if fenced else _HEADING.match(line)
            if match is None:
                found[heading].append(line)
            else:
                heading = match[1]
                found[heading] = []
        return {name: "\n".join(lines) for name, lines in found.items()}

    def tables(self, section: str | None = None) -> tuple[Table, ...]:
        """Return the tables of a section; of the whole page when None."""
        text = self.text if section is None else self.sections()[section]
        return tuple(_tables(text))

    def table(self, section: str, first: str) -> Table:
        """Return the table of a section whose first column has the heading `first`."""
        return next(one for one in self.tables(section) if one.header[0] == first)


def every_page() -> tuple[Page, ...]:
    """Return README, CONTRIBUTING and every page of docs, except the page about style."""
    paths = [*documents(), ROOT / "CONTRIBUTING.md"]
    return tuple(
        Page(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
        for path in paths
        # shows wrong text on purpose
        if path != ROOT / "docs/style.md"
    )


def code_spans(text: str) -> list[str]:
    """Return the code spans outside fenced blocks, each on one line."""
    return [" ".join(span.split()) for span in _SPAN.findall(_FENCE.sub("", text))]


def shell_lines(text: str) -> list[str]:
    """Return the commands of all shell blocks, with continued lines joined."""
    blocks = (body for language, body in _FENCE.findall(text) if language in _SHELLS)
    return [line for body in blocks for line in re.sub(r"\\\n\s*", " ", body).splitlines()]


def fenced(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return [body for found, body in _FENCE.findall(text) if found == language]


def _tables(text: str) -> Iterator[Table]:
    lines: list[tuple[str, ...]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            if not _RULE.match(line):
                cells = _CELL.split(line.strip("|"))
                lines.append(tuple(cell.strip().replace("\\|", "|") for cell in cells))
        elif lines:
            yield Table(lines[0], tuple(lines[1:]))
            lines = []
