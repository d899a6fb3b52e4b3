"""Secrets in memory: values that do not print, and the one place that redacts text."""

import base64
import contextlib
import json
import re
from typing import Final, final
from urllib.parse import quote

__all__ = ["Redactor", "Secret", "secret_values", "tells_of_secret"]

_MASK: Final = "[REDACTED]"
# shorter strings occur by chance; masking them would garble every message
_SHORTEST_MASKED: Final = 6
_SHORTEST_LEAF: Final = 12
_TELLING: Final = re.compile(r"key|token|secret|pass|auth|credential|vars|env", re.IGNORECASE)


@final
class Secret:
    """A value that never shows in repr, str, logs or tracebacks.

    Equality compares values, so that a plan can tell a changed secret.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Wrap `value`."""
        self._value = value

    def reveal(self) -> str:
        """The value itself; only for writing it where it belongs."""
        return self._value

    def __repr__(self) -> str:
        """A mask."""
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same value."""
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        """Of the value."""
        return hash(self._value)


def tells_of_secret(name: str) -> bool:
    """Whether what has this name may be a secret."""
    return _TELLING.search(name) is not None


def _leaves(value: object, *, telling: bool = False) -> list[str]:
    """Strings in a document that may be secrets: long ones, and those whose key says so.

    Masking every short word of a configuration ("docker", "openai") would garble messages.
    """
    if isinstance(value, str):
        return [value] if telling or len(value) >= _SHORTEST_LEAF else []
    if isinstance(value, dict):
        return [
            leaf
            for key, item in value.items()
            for leaf in _leaves(item, telling=telling or tells_of_secret(str(key)))
        ]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item, telling=telling)]
    return []


def secret_values(secret: Secret) -> set[str]:
    """The value, and of a JSON document also the strings inside it that may be secrets."""
    value = secret.reveal()
    found = {value}
    with contextlib.suppress(ValueError):
        found.update(_leaves(json.loads(value)))
    return found


class Redactor:
    """Replaces every known secret in text, in the encodings that text can carry.

    Values become known when a stage fetches them; everything that leaves the agent
    (events, status, console, errors) passes through `scrub`.
    """

    def __init__(self) -> None:
        """Start with nothing known."""
        self._known: tuple[str, ...] = ()

    def add(self, secret: Secret) -> None:
        """Learn a secret; of a JSON document also the strings inside it that may be secrets."""
        values = secret_values(secret)
        forms = {form for text in values for form in _forms(text)} | set(self._known)
        # longest first: a secret that contains another one is masked whole
        self._known = tuple(sorted(forms, key=len, reverse=True))

    def scrub(self, text: str) -> str:
        """`text` without any known secret."""
        for form in self._known:
            text = text.replace(form, _MASK)
        return text


def _forms(text: str) -> set[str]:
    if len(text) < _SHORTEST_MASKED:
        return set()
    encoded = base64.b64encode(text.encode()).decode().rstrip("=")
    documents = (json.dumps(text), json.dumps(text, ensure_ascii=False), repr(text))
    return {text, quote(text, safe=""), encoded, *(document[1:-1] for document in documents)}
