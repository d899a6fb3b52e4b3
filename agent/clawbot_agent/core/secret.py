"""Secrets: values that do not print, and the redaction of text."""

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
    """A value that never appears in repr, str, logs or tracebacks.

    Equality compares values, so that a plan can detect a changed secret.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value, to write it to its destination."""
        return self._value

    def __repr__(self) -> str:
        """Return a mask."""
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        """Return whether the values are equal."""
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        """Return the hash of the value."""
        return hash(self._value)


def tells_of_secret(name: str) -> bool:
    """Return whether a value of this name may be a secret."""
    return _TELLING.search(name) is not None


def _leaves(value: object, *, telling: bool = False) -> list[str]:
    """Return the strings in a document that may be secrets: long ones, or with a telling key.

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
    """Return the value, and for a JSON document the strings in it that may be secrets."""
    value = secret.reveal()
    found = {value}
    with contextlib.suppress(ValueError):
        found.update(_leaves(json.loads(value)))
    return found


class Redactor:
    """Replaces every known secret in text, in the encodings that text can carry.

    A value becomes known when a stage reads it. Everything that leaves the agent (events, status,
    console, errors) passes through `scrub`.
    """

    def __init__(self) -> None:
        self._known: tuple[str, ...] = ()

    def add(self, secret: Secret) -> None:
        """Add a secret, as `secret_values` expands it."""
        values = secret_values(secret)
        forms = {form for text in values for form in _forms(text)} | set(self._known)
        # longest first: a secret that contains another one is masked whole
        self._known = tuple(sorted(forms, key=len, reverse=True))

    def scrub(self, text: str) -> str:
        """Return `text` with every known secret masked."""
        for form in self._known:
            text = text.replace(form, _MASK)
        return text


def _forms(text: str) -> set[str]:
    if len(text) < _SHORTEST_MASKED:
        return set()
    encoded = base64.b64encode(text.encode()).decode().rstrip("=")
    documents = (json.dumps(text), json.dumps(text, ensure_ascii=False), repr(text))
    return {text, quote(text, safe=""), encoded, *(document[1:-1] for document in documents)}
