"""Text without secrets: the known ones in every encoding, and what looks like one.

A known secret is replaced where it occurs. Where it is encoded (base64 at any alignment, hex,
percent signs, JSON or HTML escapes, compressed, and combinations six deep) the word with it is
removed, else the line, else the whole text: in doubt, evidence is lost and not a secret. A line too
long to be searched in seconds (a picture in a log), or with compressed data that unpacks to
megabytes, is withheld.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Final

from clawbot_agent.bundle.decoding import UnpackedSizeError, decodings
from clawbot_agent.core.secret import Redactor, Secret, secret_values

MASK: Final = "[REDACTED]"

_KEY: Final = (
    # bounded: else a run of base64url is scanned again from each of its dashes
    r"[\w.-]{0,64}(?:password|passwd|passphrase|secret|token|api[ _-]?key"
    r"|(?:subscription|access|account|shared|private)[_-]?key"
    r"|credential|authorization|cookie)[\w-]*"
)
_BLOCKS: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----.*?(?:-----END [^\n]*?-----|\Z)",
    re.DOTALL,
)
# each with the part to keep as its first group
_KEEPING: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(\bbearer[ \t]+)[A-Za-z0-9._~+/=:-]{8,}",
        r"(\b(?:proxy-)?authorization:[ \t]*)[^\n\"']+",
        # the password in a URL
        r"(\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@\"']*:)[^\s/@\"']+(?=@)",
        # in a query, of a SAS, in a connection string
        r"([?&#;](?:sig|se|skoid|code|key|auth|token|access_token|id_token|refresh_token)=)[^\s&#;\"']+",
        r"(\b(?:AccountKey|SharedAccessSignature|SharedAccessKey)=)[^\s;\"']+",
        # NAME=value, name: value, "name": "value", --name value
        rf"(\b{_KEY}[ \t]*=[ \t]*)(?!\[REDACTED\])[^\s&;,\"']+",
        rf"(\b{_KEY}\\*[\"']?[ \t]*[:=][ \t]*\\*[\"'])(?!\[REDACTED\])(?:\\[^\n]|[^\"'\\\n])+",
        # without quotes: only values with a digit; "secrets: unchanged" is no secret
        rf"(\b{_KEY}[ \t]*:[ \t]*)(?!\[REDACTED\])(?=[^\s\"',;]*\d)[^\s\"',;\[{{]{{8,}}",
        rf"(--{_KEY}[ =])(?!\[REDACTED\])[^\s\"']+",
        r"(\b(?:set-)?cookie:[ \t]*)[^\n]+",
        # the address of a webhook is its only protection
        r"(\bhooks\.slack\.com/(?:services|workflows)/)[^\s\"']+",
        r"(\bdiscord(?:app)?\.com/api/webhooks/\d+/)[^\s\"']+",
    )
)
_WHOLE: Final = tuple(
    re.compile(pattern)
    for pattern in (
        # JSON Web Token
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.?[A-Za-z0-9_-]*",
        # OpenAI, Anthropic, GitHub, GitLab, Slack, Google, AWS, Stripe, Groq, xAI, Telegram, npm,
        # Hugging Face, Discord
        r"\bsk-[A-Za-z0-9_-]{16,}",
        r"\b(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{20,}",
        r"\bglpat-[A-Za-z0-9_-]{16,}",
        r"\b(?:xox[a-z]|xapp)-[A-Za-z0-9-]{10,}",
        r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}",
        r"\b(?:gsk_|xai-)[A-Za-z0-9]{20,}",
        r"\bAIza[A-Za-z0-9_-]{30,}",
        r"\bA[KS]IA[A-Z0-9]{16}\b",
        # also behind the "bot" of an address
        r"(?<!\d)\d{8,10}:[A-Za-z0-9_-]{30,}",
        r"\b(?:npm|hf)_[A-Za-z0-9]{20,}",
        r"\b[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
    )
)

WITHHELD: Final = "[WITHHELD: contains a secret that could not be removed]\n"
UNSEARCHED: Final = "[WITHHELD: no time left to search it for secrets]\n"
_DEPTH: Final = 6
# shorter values are replaced where they occur and not searched for in encodings
_SHORTEST: Final = 8
# a piece of a token of at least 11 characters has one of its grams
_GRAM: Final = 8
_STEP: Final = 4
_TOKEN: Final = re.compile(r"[^\s]{16,}")
# names, paths and addresses: a part of one is no secret
_WORDS: Final = re.compile(r"[a-z]+([-_./:@]+[a-z0-9.]+)*|[~/.].*|.*://.*")
_WORD: Final = re.compile(r"[^\s\"'<>(){}\[\],;|]+")
# most decodings give noise; only text is decoded further
_TEXT: Final = re.compile(rb"[\t\r\n -~]{10,}")
# the time for a line grows faster than its length
_LONGEST: Final = 16 * 1024
_TOO_LONG: Final = "[WITHHELD: a line of {} characters]"
_MOST_VALUES: Final = 400
# of one line, in bytes; random letters of the longest line decode to 200 kB
_MOST_DECODED: Final = 4 * 1024 * 1024
# base64 and hex are wrapped at 60, 64 or 76 letters; each line may stand behind a log's prefix
_FULL: Final = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{20,}$", re.MULTILINE)
# continued lines of mail (also quoted in another mail) and shells
_CONTINUED: Final = re.compile(r"(?:=(?:3D)*|\\)$")
_REST: Final = re.compile(r"[A-Za-z0-9+/_=-]+")
# an English word, too short to be a part that matters
_PLAIN: Final = re.compile(r"[A-Za-z]?[a-z]{0,10}")


def masked(text: str) -> str:
    """Return `text` without what looks like a secret."""
    text = _BLOCKS.sub(MASK, text)
    for pattern in _KEEPING:
        text = pattern.sub(rf"\g<1>{MASK}", text)
    for pattern in _WHOLE:
        text = pattern.sub(MASK, text)
    return text


class Redaction:
    """Removes secrets from text.

    Args:
        secrets: the known ones; of JSON documents also the values inside.
        expired: whether no time is left; then unsearched text is withheld.
    """

    def __init__(
        self, secrets: Iterable[Secret], *, expired: Callable[[], bool] = lambda: False
    ) -> None:
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
        """Return `text` without secrets."""
        lines = [_bounded(line) for line in self._redactor.scrub(text).split("\n")]
        # first: a mask may remove the mark of a continued line
        text = masked("\n".join(self._wrapped(lines)))
        lines = []
        for line in text.split("\n"):
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
        """Return the lines without words that together encode a secret."""
        lines = list(lines)
        for numbers in _chains(lines, _FULL):
            if self._expired():
                return lines
            self._cut_chain(lines, numbers)
        for numbers in _chains(lines, _CONTINUED):
            if self._expired():
                return lines
            chain = slice(numbers[0], numbers[-1] + 2)
            joined = "\n".join(lines[chain])
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
            # where the full lines alone leak, the line after may still hold a part of the secret
            cut = {
                rest for rest in found if rest and not (found[0] == "" and _PLAIN.fullmatch(rest))
            }
            if cut:
                lines[after] = " ".join(MASK if word in cut else word for word in words)

    def _leaks(self, data: bytes) -> bool:
        """Whether `data` contains a secret, also encoded, or decodes to too much to be searched."""
        seen, found = {data}, {data}
        for _ in range(_DEPTH):
            if any(map(self._holds, found)):
                return True
            try:
                found = _decoded(found, seen)
            except UnpackedSizeError:
                return True
            seen |= found
            if sum(map(len, seen)) > _MOST_DECODED:
                return True
        return any(map(self._holds, found))

    def _holds(self, data: bytes) -> bool:
        windows = (data[start : start + _GRAM] for start in range(len(data) - _GRAM + 1))
        return not self._grams.isdisjoint(windows) or any(value in data for value in self._whole)


def _grams(value: bytes) -> set[bytes]:
    starts = (*range(0, len(value) - _GRAM, _STEP), len(value) - _GRAM)
    return {value[start : start + _GRAM] for start in starts}


def _chains(lines: list[str], pattern: re.Pattern[str]) -> list[tuple[int, ...]]:
    """Return the numbers of consecutive lines that match."""
    matching = [pattern.search(line) is not None for line in lines]
    groups = groupby(range(len(lines)), key=lambda number: matching[number])
    return [tuple(group) for matches, group in groups if matches]


def _decoded(found: set[bytes], seen: set[bytes]) -> set[bytes]:
    """Return the new decodings of all in `found`, and few more than `_MOST_DECODED` bytes."""
    decoded: set[bytes] = set()
    left = _MOST_DECODED
    for text in {text for one in found for text in _texts(one)}:
        for other in decodings(text):
            if other not in seen and other not in decoded:
                decoded.add(other)
                left -= len(other)
                if left < 0:
                    return decoded
    return decoded


def _bounded(line: str) -> str:
    return line if len(line) <= _LONGEST else _TOO_LONG.format(len(line))


def _texts(data: bytes) -> Iterator[bytes]:
    """Yield the parts that may be an encoding."""
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
