"""What is desired beside what is there: every desired part is compared, and nothing else.

Azure returns more than it was sent (ids, states, defaults), in its own order and capitals, and
some of it never (`Resource.write_only`). None of that is a difference.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from clawbot_controller.model.resource import Body, Resource

__all__ = ["Difference", "differences", "merged", "without_optional"]

_ABSENT: Final = object()
_SHOWN_LENGTH: Final = 60
# which item of a list, in a path
_NAMED: Final = re.compile(r"\[[^]]*\]")


@dataclass(frozen=True, slots=True)
class Difference:
    """One part that is not as it should be; values as an operator reads them."""

    path: str
    have: str
    want: str

    def __str__(self) -> str:
        """Return the one-line form."""
        return f"{self.path}: {self.have} → {self.want}"


def differences(resource: Resource, actual: Body) -> tuple[Difference, ...]:
    """Where `actual`, as Azure returned it, is not as desired."""
    return tuple(_compare(resource, resource.body, actual, ""))


def merged(resource: Resource, actual: Body | None) -> dict[str, Any]:
    """The body to send: as desired, with what is set `once` as it is there already."""
    body = dict(resource.body)
    if actual is None:
        return body
    for path in resource.once:
        _copy(actual, body, path.split("."))
    if "tags" in body:
        # a PUT replaces them all, and policies of the company tag too
        body["tags"] = {**(actual.get("tags") or {}), **body["tags"]}
    return body


def without_optional(resource: Resource, body: Body) -> dict[str, Any]:
    """The same body without the parts that are `optional`."""
    return {
        key: _pruned(resource, value, key)
        for key, value in body.items()
        if key not in resource.optional
    }


def _pruned(resource: Resource, value: object, path: str) -> object:
    if isinstance(value, list):
        return [_pruned(resource, one, path) for one in value]
    if not isinstance(value, Mapping):
        return value
    below = {key: f"{path}.{key}" for key in value}
    return {
        key: _pruned(resource, inner, below[key])
        for key, inner in value.items()
        if below[key] not in resource.optional
    }


def _copy(source: Body, target: dict[str, Any], path: Sequence[str]) -> None:
    here, *rest = path
    if here not in source:
        return
    if not rest:
        target[here] = source[here]
        return
    target[here] = dict(target[here])
    _copy(source[here], target[here], rest)


def _compare(resource: Resource, want: object, have: object, path: str) -> Iterator[Difference]:
    if path in resource.write_only | resource.once:
        return
    if have in (_ABSENT, None) and _NAMED.sub("", path) in resource.optional:
        return
    if isinstance(want, Mapping):
        yield from _compare_maps(resource, want, have, path)
    elif isinstance(want, Sequence) and not isinstance(want, str):
        yield from _compare_lists(resource, want, have, path)
    elif not _same(want, have, path):
        yield Difference(path, _shown(have), _shown(want))


def _compare_maps(resource: Resource, want: Body, have: object, path: str) -> Iterator[Difference]:
    if not isinstance(have, Mapping):
        if want or have is not _ABSENT:
            yield Difference(path, _shown(have), _shown(want))
        return
    # ids serve as keys too, and come back in other capitals
    folded = {str(key).lower(): value for key, value in have.items()}
    for key, value in want.items():
        inner = f"{path}.{key}" if path else key
        yield from _compare(resource, value, folded.get(str(key).lower(), _ABSENT), inner)


def _compare_lists(
    resource: Resource, want: Sequence[object], have: object, path: str
) -> Iterator[Difference]:
    if not isinstance(have, Sequence) or isinstance(have, str):
        yield Difference(path, _shown(have), _shown(want))
        return
    left = list(have)
    for item in want:
        fitting = [one for one in left if not any(_compare(resource, item, one, path))]
        named = [one for one in left if _name(one) is not None and _name(one) == _name(item)]
        if fitting:
            left.remove(fitting[0])
        elif named:
            left.remove(named[0])
            yield from _compare(resource, item, named[0], f"{path}[{_name(item)}]")
        else:
            yield Difference(path, "absent", _shown(item))
    yield from (Difference(path, _shown(one), "absent") for one in left)


def _name(item: object) -> object:
    return item.get("name") if isinstance(item, Mapping) else None


def _same(want: object, have: object, path: str) -> bool:
    if not isinstance(want, str) or not isinstance(have, str):
        return type(want) is type(have) and want == have
    if path.startswith("tags."):
        return want == have
    return _plain(want, path) == _plain(have, path)


def _plain(text: str, path: str) -> object:
    lower = text.lower()
    if path == "location":
        return lower.replace(" ", "")
    # Azure Files writes its lists with a semicolon at the end or without
    return frozenset(filter(None, lower.split(";"))) if ";" in lower else frozenset({lower})


def _shown(value: object) -> str:
    if value is _ABSENT:
        return "absent"
    if isinstance(value, Mapping) and _name(value):
        return str(_name(value))
    text = str(value)
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…"
