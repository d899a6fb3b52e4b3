"""Load a configuration: file, YAML, model, and the problems in each as `path: problem`."""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Final, NoReturn

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from clawbot_agent.config.model import BotConfig
from clawbot_agent.config.problems import ConfigError, Problem, path_of, shown

_MAX_DEPTH: Final = 20
_TEXT_TAG: Final = "tag:yaml.org,2002:str"
TOP: Final = "(top level)"


class _Refused(yaml.MarkedYAMLError):
    """A document that YAML allows and a configuration does not."""


def _refuse(problem: str, mark: yaml.Mark | None) -> NoReturn:
    raise _Refused(problem=problem, problem_mark=mark)


class _Loader(yaml.SafeLoader):
    """SafeLoader with bounds on depth and aliases, whose only errors are YAML errors."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401  # PyYAML's own signature
        if self.check_event(yaml.AliasEvent):
            # aliases of aliases grow without bound, and a configuration this small needs none
            _refuse("aliases (*name) are not supported", self.event_mark())
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            _refuse(f"nested more than {_MAX_DEPTH} levels deep", self.event_mark())
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def event_mark(self) -> yaml.Mark:
        """Return where the next node begins."""
        mark: yaml.Mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # stub
        return mark

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002  # PyYAML's own signature
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, OverflowError, KeyError, IndexError):
            # errors of int(), float() and date() in SafeLoader: 2026-99-99, 0b_, 9,999 digits
            _refuse("a value that looks like a number or a date, but is not valid", node.start_mark)


def read_yaml(text: str) -> dict[str, Any]:
    """Return the mapping in a YAML document.

    Raises:
        ConfigError: not YAML (with line and column), not a mapping, or a key given twice.
    """
    try:
        loader = _Loader(text)
    except yaml.YAMLError as error:
        raise ConfigError([_syntax_problem(error, mark=None)]) from error
    try:
        return _read(loader)
    # an error of chr() in the scanner: "\\UFFFFFFFF"
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise ConfigError([_syntax_problem(error, mark=loader.get_mark())]) from error
    finally:
        loader.dispose()


def _read(loader: _Loader) -> dict[str, Any]:
    node = loader.get_single_node()
    if node is None:
        raise ConfigError([Problem(TOP, "is empty; `clawbot-agent config example` prints one")])
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError([Problem(TOP, "must be a mapping of keys such as `name: my-bot`")])
    problems = _key_problems(node, ())
    if problems:
        raise ConfigError(problems)
    data: dict[str, Any] = loader.construct_document(node)
    return data


def _syntax_problem(error: Exception, *, mark: yaml.Mark | None) -> Problem:
    what = "an unreadable value"
    prefix = "" if isinstance(error, _Refused) else "not valid YAML: "
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark or mark
        what = error.problem or error.context or "unreadable"
    elif isinstance(error, yaml.reader.ReaderError):
        what = f"a character that is not allowed in YAML (number {error.position + 1})"
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else TOP
    # PyYAML quotes the document in its messages
    return Problem(where, f"{prefix}{what.encode('unicode_escape').decode()[:200]}")


def _key_problems(node: yaml.Node, path: tuple[str | int, ...]) -> list[Problem]:
    if isinstance(node, yaml.SequenceNode):
        items = enumerate(node.value)
        return [found for index, item in items for found in _key_problems(item, (*path, index))]
    if not isinstance(node, yaml.MappingNode):
        return []
    problems: list[Problem] = []
    lines: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or key.tag != _TEXT_TAG:
            what = shown(key.value) if isinstance(key, yaml.ScalarNode) else "a list or mapping"
            where = path_of(path) or TOP
            problems.append(Problem(where, f"keys must be plain words, not {what} (line {line})"))
            continue
        here = (*path, key.value)
        if key.value in lines:
            both = f"lines {lines[key.value]} and {line}"
            problems.append(Problem(path_of(here), f"is given twice ({both})"))
        lines[key.value] = line
        problems += _key_problems(value, here)
    return problems


Location = tuple[str | int, ...]

_MUST: Final[Mapping[str, str]] = {
    "string_type": "must be text",
    "string_unicode": "must be valid Unicode text",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "model_type": "must be a mapping of keys",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}


def problems_of(error: ValidationError, *, model: type[BaseModel]) -> tuple[Problem, ...]:
    """Return one problem per finding of pydantic, in the order of the model's keys."""
    found = error.errors(include_url=False)
    # pydantic counts invalid items of a list as absent: report only the invalid item
    found = [one for one in found if one["type"] != "too_short" or not _has_inner(one, found)]
    return tuple(
        problem
        for details in found
        for problem in _problems(
            kind=details["type"],
            location=details["loc"],
            message=details["msg"],
            value=details["input"],
            context=details.get("ctx", {}),
            model=model,
        )
    )


def _has_inner(outer: ErrorDetails, found: list[ErrorDetails]) -> bool:
    length = len(outer["loc"])
    return any(len(one["loc"]) > length and one["loc"][:length] == outer["loc"] for one in found)


def _problems(  # noqa: PLR0913  # one finding of pydantic has these parts
    *,
    kind: str,
    location: Location,
    message: str,
    value: object,
    context: Mapping[str, Any],
    model: type[BaseModel],
) -> Iterator[Problem]:
    path = path_of(location)
    if kind == "clawbot":
        yield Problem(_joined(path, context["at"]), context["problem"])
    elif kind == "missing":
        yield from _missing(location, model)
    elif kind == "extra_forbidden":
        yield Problem(path, f"unknown key{_did_you_mean(location, model)}")
    elif kind == "too_short":
        yield Problem(path, f"must have at least {context['min_length']} entry")
    elif kind == "too_long":
        yield Problem(path, f"must have at most {context['max_length']} entries")
    elif kind in _MUST:
        yield Problem(
            path, f"{_MUST[kind].format(**context)}, not {shown(value)}{_quote(kind, value)}"
        )
    else:
        yield Problem(path, f"{message[:1].lower()}{message[1:]}")


def _joined(path: str, at: str) -> str:
    return ".".join(part for part in (path, at) if part)


def _quote(kind: str, value: object) -> str:
    # the usual cases: `version: 2026.9` and `domain: on`
    quotable = kind == "string_type" and isinstance(value, bool | int | float)
    return " (put it in quotes)" if quotable else ""


def _missing(location: Location, model: type[BaseModel]) -> Iterator[Problem]:
    parent = _model_at(location[:-1], model)
    field = parent.model_fields.get(str(location[-1])) if parent else None
    inner = section_of(field.annotation) if field else None
    if inner is None:
        yield Problem(path_of(location), "is required")
        return
    # name the required keys, not only their section
    for name, child in inner.model_fields.items():
        if child.is_required():
            yield Problem(path_of((*location, name)), "is required")


def _model_at(location: Location, model: type[BaseModel]) -> type[BaseModel] | None:
    current = model
    for part in location:
        if isinstance(part, int):
            continue
        field = current.model_fields.get(part)
        inner = _inner_model(field.annotation) if field else None
        if inner is None:
            return None
        current = inner
    return current


def _inner_model(annotation: object) -> type[BaseModel] | None:
    """Return the section behind an annotation: itself, or the item of a tuple."""
    for candidate in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def section_of(annotation: object) -> type[BaseModel] | None:
    """Return the section behind an annotation, optional or not; None for any other value."""
    if isinstance(annotation, UnionType | type):
        return _inner_model(annotation)
    return None


def _did_you_mean(location: Location, model: type[BaseModel]) -> str:
    unknown = str(location[-1])[:64].lower()
    parent = _model_at(location[:-1], model)
    siblings = list(parent.model_fields) if parent else []
    close = difflib.get_close_matches(unknown.replace("-", "_"), siblings, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    elsewhere = [path for path in all_keys(model) if path.rpartition(".")[2] == unknown]
    if elsewhere:
        return f"; did you mean {elsewhere[0]!r}?"
    return f"; known here: {', '.join(siblings)}" if siblings else ""


def all_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted path of every key that can be set, sections before their keys."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        inner = _inner_model(field.annotation)
        if inner:
            yield from all_keys(inner, f"{prefix}{name}.")


MAX_BYTES: Final = 64 * 1024


def parse_config(text: str) -> BotConfig:
    """Return the configuration in a YAML text.

    Raises:
        ConfigError: all problems; nothing else is raised, for any text.
    """
    if len(text) > MAX_BYTES:
        raise ConfigError([_too_large(TOP)])
    try:
        return BotConfig.model_validate(read_yaml(text))
    except ValidationError as error:
        raise ConfigError(problems_of(error, model=BotConfig)) from error


def load_config(path: Path) -> BotConfig:
    """Return the configuration in a file of at most 64 KiB of UTF-8.

    Raises:
        ConfigError: the file cannot be read, or all problems of its content.
    """
    return parse_config(read_text(path))


def read_text(path: Path) -> str:
    """Return the text of a file of at most 64 KiB of UTF-8.

    Raises:
        ConfigError: the file cannot be read, is larger, or is not UTF-8.
    """
    # a path from the command line may contain any byte; an error is one printable line
    name = str(path) if str(path).isprintable() else shown(str(path))
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise ConfigError([Problem(name, f"cannot be read: {reason}")]) from error
    if len(content) > MAX_BYTES:
        raise ConfigError([_too_large(name)])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = Problem(name, f"must be UTF-8 text (byte {error.start + 1} is not)")
        raise ConfigError([problem]) from error


def _too_large(path: str) -> Problem:
    return Problem(path, f"is larger than {MAX_BYTES // 1024} KiB")
