"""The shell blocks of README and docs, and what a test may do with each.

A fenced block of a shell language has a marker in the line above it, an HTML comment that readers
do not see:

    <!-- runnable: laptop -->    the operator's computer, with a stand-in for Azure
    <!-- runnable: instance -->  a converged bench machine, as root
    <!-- runnable: checkout -->  the root of a checkout
    <!-- not-run: REASON -->     no test runs it

`<!-- output -->` above the next `text` block says what the runnable block before it prints; `...`
stands for anything. A comment that begins with `<!-- setup: ENVIRONMENT` holds commands that stand
for something the reader did by hand, such as editing a file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

__all__ = ["ENVIRONMENTS", "ROOT", "Block", "DocError", "blocks_of", "documents", "matches"]

ROOT: Final = Path(__file__).resolve().parents[2]
ENVIRONMENTS: Final = ("laptop", "instance", "checkout")
SHELLS: Final = frozenset({"shell", "sh", "bash", "console"})

_PART: Final = re.compile(
    r"^ *<!-- setup: (?P<environment>\w+)\n(?P<setup>.*?)^ *-->$"
    r"|(?:^ *<!-- (?P<kind>runnable|not-run|output)(?:: (?P<value>[^\n]+))? -->\n)?"
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
# what may be left beside these parts and the text around them
_STRAY: Final = (
    (re.compile(r"^ *```", re.MULTILINE), "this block has no end"),
    (
        re.compile(r"^ *<!-- (?:setup|runnable|not-run|output)\b", re.MULTILINE),
        "a marker is complete and stands directly above its block",
    ),
    # a paragraph in the margin comes before it, and no list
    (
        re.compile(r"(?:\A|\n)(?! |[-*+] |\d+\. |: )[^\n]+\n\n(?=    \S)"),
        "use a fenced block, not an indented one",
    ),
)
_ANYTHING: Final = "..."


class DocError(Exception):
    """A block that the tests cannot place."""

    def __init__(self, page: str, line: int, problem: str) -> None:
        super().__init__(f"{page}:{line}: {problem}")


@dataclass(frozen=True, slots=True)
class Block:
    """Commands in a page.

    Attributes:
        page: path from the root of the checkout.
        line: of the first command, counted from 1.
        environment: one of `ENVIRONMENTS`; empty when no test runs it.
        reason: why no test runs it.
        output: pattern of what it prints; None when any output will do.
        is_setup: stands for work by hand; readers do not see it.
    """

    page: str
    line: int
    text: str
    environment: str = ""
    reason: str = ""
    output: str | None = None
    is_setup: bool = False

    def __str__(self) -> str:
        """Where it is."""
        return f"{self.page}:{self.line}"


def documents() -> tuple[Path, ...]:
    """Return README and every page, in the order of their paths."""
    return (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))


def blocks_of(path: Path) -> tuple[Block, ...]:
    """Return the shell and setup blocks of a page, in its order.

    Raises:
        DocError: a shell block without a marker, a marker without a block, or a block that is
            indented instead of fenced.
    """
    page = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name
    text = path.read_text(encoding="utf-8")
    around = _PART.sub(_hidden, text)
    for pattern, problem in _STRAY:
        if (found := pattern.search(around)) is not None:
            raise DocError(page, around.count("\n", 0, found.end()) + 1, problem)
    return tuple(_blocks(page, text))


def matches(pattern: str, output: str) -> bool:
    """Return whether `output` is what `pattern` says, white space at the ends of lines aside."""
    parts = (re.escape(part) for part in _tidy(pattern).split(_ANYTHING))
    return re.fullmatch(".*".join(parts), _tidy(output), re.DOTALL) is not None


def _tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _hidden(part: re.Match[str]) -> str:
    """As many lines, as far from the margin, with nothing in them."""
    whole: str = part[0]
    indent = whole[: len(whole) - len(whole.lstrip(" "))]
    return "\n".join(f"{indent}x" for _ in whole.split("\n"))


def _blocks(page: str, text: str) -> Iterator[Block]:
    last: Block | None = None
    for part in _PART.finditer(text):
        if part["kind"] == "output" and part["language"] not in SHELLS:
            if last is None or not last.environment or last.is_setup:
                line = text.count("\n", 0, part.start()) + 1
                raise DocError(page, line, "this output belongs to no block that is run")
            last = replace(last, output=_unindented(part))
        elif part["setup"] is not None or part["language"] in SHELLS or part["kind"]:
            if last is not None:
                yield last
            last = _block(page, text, part)
    if last is not None:
        yield last


def _block(page: str, text: str, part: re.Match[str]) -> Block:
    name = "text" if part["setup"] is None else "setup"
    line = text.count("\n", 0, part.start(name)) + 1
    environment = part["environment"] or (part["value"] if part["kind"] == "runnable" else "")
    if name == "text" and part["language"] not in SHELLS:
        raise DocError(page, line, f"{part['kind']} does not fit a block of {part['language']}")
    if name == "text" and part["kind"] not in {"runnable", "not-run"}:
        raise DocError(page, line, "a shell block needs a marker: runnable or not-run")
    if part["kind"] == "not-run" and not part["value"]:
        raise DocError(page, line, "not-run needs a reason")
    if environment and environment not in ENVIRONMENTS:
        raise DocError(page, line, f"{environment} is none of {', '.join(ENVIRONMENTS)}")
    return Block(
        page,
        line,
        part["setup"] if name == "setup" else _unindented(part),
        environment=environment,
        reason="" if environment else part["value"] or "",
        is_setup=name == "setup",
    )


def _unindented(part: re.Match[str]) -> str:
    indent = len(part["indent"])
    return "\n".join(line[indent:] for line in part["text"].splitlines())
