"""Turns what pydantic found into sentences for the operator."""

import difflib
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from clawbot_agent.config.problems import Problem, path_of, shown

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
    # pydantic counts a list's bad items as absent: only the bad item is worth a line
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
    # `version: 2026.9` and `domain: on` are the usual cases
    quotable = kind == "string_type" and isinstance(value, bool | int | float)
    return " (put it in quotes)" if quotable else ""


def _missing(location: Location, model: type[BaseModel]) -> Iterator[Problem]:
    parent = _model_at(location[:-1], model)
    field = parent.model_fields.get(str(location[-1])) if parent else None
    inner = section_of(field.annotation) if field else None
    if inner is None:
        yield Problem(path_of(location), "is required")
        return
    # name the keys to write, not only the section around them
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
