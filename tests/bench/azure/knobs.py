"""A service's adjustable state: named values with defaults, thread-safe."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any


class KnobError(Exception):
    """A state change has an unknown name or a value of the wrong type."""


class Knobs:
    """Named values; a change must use an existing name and keep its JSON type.

    Args:
        defaults: every name with its default value. ``script`` is special: a list of HTTP
            statuses, one for each of the next requests.
    """

    def __init__(self, **defaults: object) -> None:
        self._defaults = defaults
        self._values: dict[str, Any] = {}
        self._lock = threading.Lock()
        self.reset()

    def change(self, state: Mapping[str, object]) -> None:
        """Apply all of ``state`` or nothing.

        Raises:
            KnobError: an unknown name, or a value whose type differs from the default's.
        """
        for name, value in state.items():
            if name not in self._defaults:
                known = ", ".join(sorted(self._defaults))
                message = f"unknown key {name!r}; known: {known}"
                raise KnobError(message)
            if not _fits(value, self._defaults[name]):
                kind = type(self._defaults[name]).__name__
                message = f"{name}: must be of type {kind}, not {type(value).__name__}"
                raise KnobError(message)
        with self._lock:
            self._values.update({name: _copy(value) for name, value in state.items()})

    def reset(self) -> None:
        """Restore the defaults."""
        with self._lock:
            self._values = {name: _copy(value) for name, value in self._defaults.items()}

    def snapshot(self) -> dict[str, Any]:
        """Return all current values."""
        with self._lock:
            return {name: _copy(value) for name, value in self._values.items()}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - any JSON value, of the default's type
        """Return one current value."""
        with self._lock:
            return _copy(self._values[name])

    def next_status(self, name: str = "script") -> int | None:
        """Consume one entry of a list of statuses; None if it is empty."""
        with self._lock:
            script: list[int] = self._values[name]
            return script.pop(0) if script else None


def split_registrations(
    state: Mapping[str, object], name: str, keys: Sequence[str], optional: Sequence[str] = ()
) -> tuple[dict[str, object], dict[str, dict[str, str] | None]]:
    """Split a state change into knobs and the registrations by address under ``name``.

    Raises:
        KnobError: a registration is neither null nor a mapping of ``keys`` (and any of
            ``optional``) to text.
    """
    given = state.get(name, {})
    for address, entry in given.items() if isinstance(given, dict) else [("", given)]:
        if entry is not None and not _is_text_mapping(entry, keys, optional):
            message = f"{name}.{address}: must be null or a mapping of {', '.join(keys)} to text"
            raise KnobError(message)
    knobs = {key: value for key, value in state.items() if key != name}
    return knobs, dict(given) if isinstance(given, dict) else {}


def _is_text_mapping(entry: object, keys: Sequence[str], optional: Sequence[str]) -> bool:
    if not isinstance(entry, dict) or set(entry) - set(optional) != set(keys):
        return False
    return all(isinstance(text, str) for text in entry.values())


def _fits(value: object, default: object) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))


def _copy(value: object) -> object:
    # shallow is enough: nested values are only replaced
    if isinstance(value, list):
        return list(value)
    return dict(value) if isinstance(value, dict) else value
