"""Text without secrets: the ones we know, however they are encoded, and what looks like one.

A known secret is replaced where it stands. Where it hides (in base64 at any alignment, hex,
percent signs, JSON or HTML escapes, compressed, and these in one another, six deep) the word
with it goes, else the line, else the whole text: in doubt, evidence is lost and not a secret.
What is too long to be searched in seconds (a picture in a log's line) goes unread.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Final

from clawbot_agent.bundle.decoding import decodings
from clawbot_agent.bundle.patterns import MASK, masked
from clawbot_agent.core.secret import Redactor, Secret, secret_values

__all__ = ["UNSEARCHED", "WITHHELD", "Redaction"]

WITHHELD: Final = "[WITHHELD: a secret is in it that could not be cut out]\n"
UNSEARCHED: Final = "[WITHHELD: no time was left to search it for secrets]\n"
_DEPTH: Final = 6
# shorter values are replaced where they stand and not searched for in encodings
_SHORTEST: Final = 8
# a piece of a token of at least 11 characters has one of its grams
_GRAM: Final = 8
_STEP: Final = 4
_TOKEN: Final = re.compile(r"[^\s]{16,}")
# names, paths and addresses: a piece of one is nobody's secret
_WORDS: Final = re.compile(r"[a-z]+([-_./:@]+[a-z0-9.]+)*|[~/.].*|.*://.*")
_WORD: Final = re.compile(r"[^\s\"'<>(){}\[\],;|]+")
# of noise, which most decodings give, only what reads like text is decoded further
_TEXT: Final = re.compile(rb"[\t\r\n -~]{10,}")
# the time that a line takes grows faster than its length
_LONGEST: Final = 16 * 1024
_TOO_LONG: Final = "[WITHHELD: a line of {} characters]"
_MOST_VALUES: Final = 400
# base64 and hex are wrapped at 60, 64 or 76 letters; each line may stand behind a log's prefix
_FULL: Final = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{20,}$", re.MULTILINE)
# as mail and shells do it
_CONTINUED: Final = re.compile(r"[=\\]$")
_REST: Final = re.compile(r"[A-Za-z0-9+/_=-]+")


class Redaction:
    """Cuts secrets out.

    Args:
        secrets: those that are known; of JSON documents also the values inside.
        expired: whether no time is left; then what was not searched is withheld.
    """

    def __init__(
        self, secrets: Iterable[Secret], *, expired: Callable[[], bool] = lambda: False
    ) -> None:
        """See the class."""
        self._expired = expired
        self._redactor = Redactor()
        values: set[str] = set()
        for secret in secrets:
            self._redactor.add(secret)
            values |= secret_values(secret)
        long = sorted((value for value in values if len(value) >= _SHORTEST), key=len)
        tokens = {v for v in long if _TOKEN.fullmatch(v) and not _WORDS.fullmatch(v)}
        self._grams = {gram for value in tokens for gram in _grams(value.encode())}
        self._whole = tuple(value.encode() for value in long if value not in tokens)[:_MOST_VALUES]
        self.count = len(values)

    def __call__(self, text: str) -> str:
        """`text` without secrets."""
        lines = self._redactor.scrub(text).split("\n")
        text = masked("\n".join(map(_bearable, lines)))
        lines = []
        for line in self._wrapped(text.split("\n")):
            if self._expired():
                return UNSEARCHED
            lines.append(self._line(line))
        text = "\n".join(lines)
        # a terminal may have broken the lines
        return WITHHELD if self._holds("".join(text.split()).encode()) else text

    def _line(self, line: str) -> str:
        if not self._leaks(line.encode()):
            return line
        cut = _WORD.sub(lambda word: MASK if self._leaks(word[0].encode()) else word[0], line)
        return MASK if self._leaks(cut.encode()) else cut

    def _wrapped(self, lines: list[str]) -> list[str]:
        """The lines without words that together are the encoding of something."""
        lines = list(lines)
        for numbers in _chains(lines, _FULL):
            self._cut_chain(lines, numbers)
        for numbers in _chains(lines, _CONTINUED):
            chain = slice(numbers[0], numbers[-1] + 2)
            joined = "".join(line.rstrip("=\\") for line in lines[chain])
            if len(joined) > _LONGEST or self._leaks(joined.encode()):
                lines[chain] = [MASK] * len(lines[chain])
        return lines

    def _cut_chain(self, lines: list[str], numbers: tuple[int, ...]) -> None:
        joined = "".join(_FULL.findall("\n".join(lines[number] for number in numbers)))
        after = numbers[-1] + 1
        # the rest may stand at either end of the line after the full ones
        words = lines[after].split() if after < len(lines) else []
        rests = {word for word in (*words[:1], *words[-1:]) if _REST.fullmatch(word)}
        long = len(joined) > _LONGEST
        found = [rest for rest in ("", *rests) if long or self._leaks(f"{joined}{rest}".encode())]
        if found:
            for number in numbers:
                lines[number] = _FULL.sub(MASK, lines[number])
            # an empty one: all of it was in the full lines
            if found[0]:
                lines[after] = " ".join(MASK if word in found else word for word in words)

    def _leaks(self, data: bytes) -> bool:
        """Whether a secret is in it, or in what it is the encoding of."""
        seen, found = {data}, {data}
        for _ in range(_DEPTH):
            if any(map(self._holds, found)):
                return True
            texts = {text for one in found for text in _texts(one)}
            found = {other for one in texts for other in decodings(one)} - seen
            seen |= found
        return any(map(self._holds, found))

    def _holds(self, data: bytes) -> bool:
        windows = {data[start : start + _GRAM] for start in range(len(data) - _GRAM + 1)}
        return not self._grams.isdisjoint(windows) or any(value in data for value in self._whole)


def _grams(value: bytes) -> set[bytes]:
    starts = (*range(0, len(value) - _GRAM, _STEP), len(value) - _GRAM)
    return {value[start : start + _GRAM] for start in starts}


def _chains(lines: list[str], pattern: re.Pattern[str]) -> list[tuple[int, ...]]:
    """Numbers of lines in a row that match."""
    matching = [pattern.search(line) is not None for line in lines]
    groups = groupby(range(len(lines)), key=lambda number: matching[number])
    return [tuple(group) for matches, group in groups if matches]


def _bearable(line: str) -> str:
    return line if len(line) <= _LONGEST else _TOO_LONG.format(len(line))


def _texts(data: bytes) -> Iterator[bytes]:
    """What of it may be the encoding of something."""
    if _is_text(data):
        yield data
    else:
        yield from _TEXT.findall(data)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
