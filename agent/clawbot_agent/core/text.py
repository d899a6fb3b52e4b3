"""Text for operators: every error in one pattern, and long text on one line."""

from typing import Final, Protocol

_WIDTH: Final = 160


class _Described(Protocol):
    """A `ClawbotError`, or an error in a record."""

    @property
    def code(self) -> str: ...

    @property
    def message(self) -> str: ...

    @property
    def hint(self) -> str: ...


def error_text(error: _Described, *, between: str = "\n", width: int | None = None) -> str:
    """Return code, message and hint of an error.

    Args:
        error: an exception, or an error in a record.
        between: separates the message from the hint.
        width: of the message, which is then on one line; unchanged when None.
    """
    message = error.message if width is None else shortened(error.message, width)
    return f"{error.code}: {message}{between}next: {error.hint}"


def shortened(text: str, width: int = _WIDTH) -> str:
    """Return `text` on one line of at most `width` characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
