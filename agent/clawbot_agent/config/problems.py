"""The problems of a configuration, as lines that an operator can act on."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

SHOWN_LENGTH: Final = 60
_WORDS: Final = {None: "null", True: "true", False: "false"}
_KINDS: Final[dict[type, str]] = {dict: "a mapping", list: "a list", tuple: "a list"}
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,40}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to fix: `path` is the key or the place, `problem` is what to change."""

    path: str
    problem: str

    def __str__(self) -> str:
        """Return the one-line form `path: problem`."""
        return f"{self.path}: {self.problem}"


class ConfigError(Exception):
    """The configuration cannot be used; carries every problem found, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Final = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def shown(value: object) -> str:
    """Quote a value for an error line: one line, at most about 60 characters, controls escaped."""
    if isinstance(value, str):
        # cut before quoting, so that a huge value is never copied whole into a log
        cut = value[: SHOWN_LENGTH + 1]
        return repr(cut) if len(cut) <= SHOWN_LENGTH else f"{cut[:SHOWN_LENGTH]!r}…"
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, int | float):
        return _number(value)
    return _KINDS.get(type(value), f"a {type(value).__name__}")


def _number(value: float) -> str:
    try:
        return repr(value)[:SHOWN_LENGTH]
    except ValueError:
        # python refuses to print integers of more than 4,300 digits
        return "a very large number"


def path_of(parts: Iterable[str | int]) -> str:
    """Join key parts into `a.b[0].c`; a part that is no plain word is quoted and shortened."""
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
            continue
        word = part if _PLAIN_KEY.fullmatch(part) else shown(part)
        path += f".{word}" if path else word
    return path
