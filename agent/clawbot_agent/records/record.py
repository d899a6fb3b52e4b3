"""What all records share: JSON from and to typed classes, and one tolerance for bad content.

A record is a frozen dataclass; its JSON object has one key per field. Readers ignore unknown keys
and use the default of a missing one. Everything else that deviates (another schema, a wrong type,
a number that is not finite) makes the whole document unusable: `load` returns None for it, `read`
raises `RecordError`.

Dataclasses and not msgspec: importing it takes 29 ms of `clawbot-agent status`, and it refuses the
lone surrogates that names of files can bring into a message.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, Final, Generic, NoReturn, Protocol, TypeVar, get_args, get_origin

# far above any document of the agent
_MOST_CHARACTERS: Final = 1024 * 1024
# also refuses infinity and, being no number, NaN
_LARGEST_NUMBER: Final = 2**63 - 1
# decimals of a number in a document: milliseconds
_DECIMALS: Final = 3


class RecordError(ValueError):
    """The content is not a record of the expected class and schema."""


class Record:
    """Base of the records that are documents of their own.

    Attributes:
        SCHEMA: number under the key "schema"; another number is another document. None for a
            record that is a line of a log, which has no number.
        DERIVED: properties that are written for other programs and ignored on reading.
    """

    __slots__ = ()

    SCHEMA: ClassVar[int | None] = 1
    DERIVED: ClassVar[tuple[str, ...]] = ()


_RecordT = TypeVar("_RecordT", bound=Record)


class TextFiles(Protocol):
    """The two methods of `host.files.Files` that records use."""

    def read_text(self, path: Path) -> str | None:
        """Return the content; None when there is no file."""
        ...

    def write(self, path: Path, text: str, *, mode: int) -> None:
        """Replace the file atomically."""
        ...


@dataclass(frozen=True, slots=True)
class RecordFile(Generic[_RecordT]):
    """A file that holds one record."""

    path: Path
    kind: type[_RecordT]
    mode: int = 0o644

    def load(self, files: TextFiles) -> _RecordT | None:
        """Return the record; None when it is absent, unreadable or damaged.

        Raises:
            ClawbotError: the file is on a share that does not answer.
        """
        try:
            return self.read(files)
        except (RecordError, OSError):
            return None

    def read(self, files: TextFiles) -> _RecordT | None:
        """Return the record; None when there is no file.

        Raises:
            RecordError: the content is damaged, or of another schema.
        """
        text = files.read_text(self.path)
        try:
            return None if text is None else parsed(self.kind, text)
        except RecordError as error:
            msg = f"{self.path} is damaged: {error}"
            raise RecordError(msg) from error

    def save(self, files: TextFiles, record: _RecordT) -> None:
        """Replace the file atomically.

        Raises:
            ClawbotError: the file system refuses; the previous content is unchanged.
        """
        files.write(self.path, text_of(record) + "\n", mode=self.mode)


def document(record: object) -> dict[str, Any]:
    """Return a record, or a part of one, as a JSON object."""
    assert is_dataclass(record)  # noqa: S101 - every record is
    schema = getattr(record, "SCHEMA", None)
    names = (*(one.name for one in fields(record)), *getattr(record, "DERIVED", ()))
    head = {} if schema is None else {"schema": schema}
    return {**head, **{name: _plain(getattr(record, name)) for name in names}}


def text_of(record: object, *, indent: int | None = 2) -> str:
    """Return a record as JSON text."""
    return json.dumps(document(record), indent=indent)


def parsed(kind: type[_RecordT], text: str) -> _RecordT:
    """Return the record in `text`.

    Raises:
        RecordError: the text is not a record of this class and schema.
    """
    if len(text) > _MOST_CHARACTERS:
        _refuse("", f"longer than {_MOST_CHARACTERS} characters")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"not JSON ({type(error).__name__})"
        raise RecordError(msg) from error
    schema = kind.SCHEMA
    if schema is not None and isinstance(found, dict) and found.get("schema") != schema:
        _refuse("schema", f"not {schema}")
    made: _RecordT = _part(kind, found, at="")
    return made


def _plain(value: object) -> object:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, float):
        return round(value, _DECIMALS)
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return document(value) if is_dataclass(value) else value


def _part(kind: Any, found: object, *, at: str) -> Any:  # noqa: ANN401 - a dataclass, known only here
    if not isinstance(found, dict):
        _refuse(at, "not an object")
    values = {
        one.name: _typed(one.type, found[one.name], at=f"{at}.{one.name}".lstrip("."))
        for one in fields(kind)
        if one.name in found or _is_required(one, at=at)
    }
    return kind(**values)


def _is_required(one: Field[Any], *, at: str) -> bool:
    if one.default is MISSING and one.default_factory is MISSING:
        _refuse(f"{at}.{one.name}".lstrip("."), "missing")
    return False


def _typed(kind: Any, value: object, *, at: str) -> object:  # noqa: ANN401 - an annotation
    """Return `value` as what the annotation `kind` says."""
    arguments = get_args(kind)
    origin = get_origin(kind)
    if origin is UnionType:
        return None if value is None else _typed(arguments[0], value, at=at)
    if origin is tuple:
        parts = value if isinstance(value, list) else _refuse(at, "not a list")
        return tuple(_typed(arguments[0], one, at=at) for one in parts)
    if origin is Mapping:
        entries = value if isinstance(value, dict) else _refuse(at, "not an object")
        return {name: _typed(arguments[1], one, at=f"{at}.{name}") for name, one in entries.items()}
    if is_dataclass(kind):
        return _part(kind, value, at=at)
    return _scalar(kind, value, at=at)


def _scalar(kind: Any, value: object, *, at: str) -> object:  # noqa: ANN401 - an annotation
    if isinstance(value, str) and kind is datetime:
        return _moment(value, at=at)
    if isinstance(value, str) and issubclass(kind, StrEnum):
        try:
            return kind(value)
        except ValueError:
            _refuse(at, "unknown value")
    if isinstance(value, int | float) and not abs(value) <= _LARGEST_NUMBER:
        _refuse(at, "too large")
    if kind is float and type(value) is int:
        return float(value)
    return value if type(value) is kind else _refuse(at, f"not of type {kind.__name__}")


def _moment(text: str, *, at: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        _refuse(at, "not a time in ISO 8601")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _refuse(at: str, problem: str) -> NoReturn:
    msg = f"{at}: {problem}" if at else problem
    raise RecordError(msg)
