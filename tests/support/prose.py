"""The English in a source file: comments, docstrings, messages, and the names that tests bear."""

import io
import re
import tokenize
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

__all__ = ["BREAK", "English", "Name", "read", "words"]

# stands for code: a phrase does not go across it
BREAK: Final = "\0"
_PREFIX: Final = re.compile(r"[A-Za-z]*(\"\"\"|'''|\"|')")
# an escape, or what an f-string or a template puts in
_ESCAPE: Final = re.compile(r"\\[nrtabfv0]")
_PLACEHOLDER: Final = re.compile(r"\{[^{}\n]*\}")
# where a Markdown link or an address leads
_TARGET: Final = re.compile(r"\]\([^)\s]*\)|\bhttps?://[^\s)>\"'`]+")
_WORD: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
# what makes a line a comment or a heading
_MARKER: Final = re.compile(r"^[ \t]*(?:#|//|\*)+", re.MULTILINE)
# from Python 3.12 on, an f-string comes in parts
_MIDDLE: Final = getattr(tokenize, "FSTRING_MIDDLE", None)


@dataclass(frozen=True, slots=True)
class Name:
    """A name in code, where the file first has it."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class English:
    """What of a file is read by people.

    Attributes:
        text: comments, string literals and, as sentences, the names of tests, every character on
            the line where the file has it; what is code became `BREAK`. A file that is not Python
            is taken as it is, but for the targets of its links.
        names: the parts of the file's own path, and every name that a Python file uses.
    """

    text: str
    names: tuple[Name, ...]


def read(path: PurePosixPath, text: str) -> English:
    """Take a file apart.

    Raises:
        SyntaxError, tokenize.TokenError: the name says Python, the content does not.
    """
    found = {part: Name(1, part) for part in path.parts}
    if path.suffix != ".py":
        bare = _MARKER.sub(_blank, text)
        return English(_TARGET.sub(_blank, bare), tuple(found.values()))
    lines: list[list[str]] = []
    end = 1, 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME:
            found.setdefault(token.string, Name(token.start[0], token.string))
        _put(lines, end, token.start, _shown(token))
        end = token.end
    return English("\n".join("".join(line) for line in lines), tuple(found.values()))


def words(name: str) -> str:
    """A name as a phrase: "leave asked for" of `LeaveAskedFor` and of `leave_asked_for`."""
    return " ".join(_WORD.findall(name)).lower()


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def _put(lines: list[list[str]], after: tuple[int, int], start: tuple[int, int], text: str) -> None:
    """Add a token's text where it starts: lines that are missing, and a blank between two."""
    row, column = start
    while len(lines) < row:
        lines.append([])
    if after[0] == row and column > after[1]:
        lines[-1].append(" ")
    first, *more = text.split("\n")
    lines[row - 1].append(first)
    lines.extend([line] for line in more)


def _shown(token: tokenize.TokenInfo) -> str:
    match token.type:
        case tokenize.COMMENT:
            return " " + token.string.lstrip("#")
        case tokenize.STRING:
            return _literal(token.string)
        case tokenize.NAME if token.string.startswith("test_"):
            return f"{BREAK} {token.string.replace('_', ' ')} {BREAK}"
        case tokenize.NL | tokenize.NEWLINE | tokenize.INDENT | tokenize.DEDENT:
            return ""
        case kind if kind == _MIDDLE:
            return _ESCAPE.sub("  ", token.string)
        case _:
            return BREAK


def _literal(source: str) -> str:
    opening = _PREFIX.match(source)
    if opening is None:
        return BREAK
    text = source[opening.end() : -len(opening[1])]
    if "f" in opening[0].lower():
        text = _PLACEHOLDER.sub(BREAK, text)
    return " " + _TARGET.sub(_blank, _ESCAPE.sub("  ", text)) + " "
