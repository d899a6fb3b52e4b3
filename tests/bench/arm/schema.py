"""Checks a body against Microsoft's schemas, more strictly than a validator would.

The schemas are draft-04, for deployment templates, and open: a misspelled key is valid. Here a key
that no schema has is a problem, at every depth; so is a read-only one, which most schemas omit and
the others mark. The schemas are the extract in `schemas/`, see `extract_schemas`.
"""

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.arm.extract_schemas import EXTENSIONS, SCHEMAS_FOLDER
from tests.bench.arm.schema_extensions import EXTENSION

# an extension as a separate resource: its schema leaves the settings open
_CHILD_EXTENSION: Final = "#/definitions/VirtualMachineScaleSetExtensionProperties"
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
_LIMITS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "minimum": lambda value, limit: value >= limit,
    "maximum": lambda value, limit: value <= limit,
    "multipleOf": lambda value, limit: value % limit == 0,
    "minLength": lambda value, limit: len(value) >= limit,
    "maxLength": lambda value, limit: len(value) <= limit,
    "pattern": lambda value, limit: re.search(limit, value) is not None,
}

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Body:
    """A body to check.

    Args:
        type_name: "Microsoft.Network/virtualNetworks/subnets", ignoring case.
        version: of the API.
        names: of the resource, parents first.
        content: parsed JSON.
        partial: whether it is a PATCH, where nothing is required.
    """

    type_name: str
    version: str
    names: tuple[str, ...]
    content: object
    partial: bool = False


class Schemas:
    """All schemas in a folder.

    Args:
        folder: with extracts, named as 2024-07-01.Microsoft.Compute.json.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def versions(self, type_name: str) -> tuple[str, ...]:
        """Return the API versions of a resource type, oldest first."""
        return tuple(version for version, _ in self._known(type_name))

    def problems(self, body: Body) -> list[str]:
        """Return the problems of a body as "path: problem"; none if it is valid.

        Raises:
            KeyError: unknown type in this version.
        """
        document = dict(self._known(body.type_name))[body.version]
        schema = document["resources"][body.type_name.lower()]
        if not isinstance(body.content, dict):
            return ["the body must be an object"]
        checker = _Checker(document["definitions"], partial=body.partial)
        return (
            _inconsistent(body)
            + _of_the_name(checker, schema, body.names)
            + _of_the_body(checker, schema, body.content)
        )

    def _known(self, type_name: str) -> Iterator[tuple[str, Schema]]:
        namespace = type_name.partition("/")[0].lower()
        for path in sorted(self.folder.glob("*.json")):
            version, _, rest = path.name[:10], path.name[10], path.name[11:]
            if rest.lower().startswith(namespace + "."):
                document = _load(path)
                if type_name.lower() in document["resources"]:
                    yield version, document


@functools.cache
def schemas() -> Schemas:
    """Return the project's extract of Microsoft's schemas."""
    return Schemas(SCHEMAS_FOLDER)


@functools.cache
def _load(path: Path) -> Schema:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    resources = document["resources"].items()
    return {**document, "resources": {name.lower(): schema for name, schema in resources}}


def _inconsistent(body: Body) -> list[str]:
    content = body.content if isinstance(body.content, dict) else {}
    given = str(content.get("type", body.type_name)).lower()
    names = {body.names[-1].lower(), "/".join(body.names).lower()}
    wrong = [] if given == body.type_name.lower() else [f"type: is not {body.type_name}"]
    if str(content.get("name", body.names[-1])).lower() not in names:
        wrong.append(f"name: is not {body.names[-1]}, as the path says")
    return wrong


def _of_the_name(checker: "_Checker", schema: Schema, names: tuple[str, ...]) -> list[str]:
    # a template names a child with its parents, "account/default", or alone within its parent
    rule = schema["properties"]["name"]
    found = [checker.problems(rule, name, "name") for name in (names[-1], "/".join(names))]
    return min(found, key=len)


def _of_the_body(checker: "_Checker", schema: Schema, content: dict[str, Any]) -> list[str]:
    said = ("name", "type", "id")
    rest = {name: value for name, value in content.items() if name not in said}
    return checker.problems(schema, rest, "")


@dataclass(frozen=True, slots=True)
class _Checker:
    definitions: Schema
    partial: bool

    def problems(self, schema: Schema, value: object, path: str) -> list[str]:
        shape = self._resolved(schema)
        choices = shape.get("oneOf") or shape.get("anyOf")
        if choices:
            found = [
                self.problems(_joined(shape, choice), value, path)
                for choice in map(self._resolved, choices)
            ]
            # report the branch with the fewest problems
            return min(found, key=len)
        for part in shape.get("allOf", ()):
            shape = _joined(shape, self._resolved(part))
        return self._plain(shape, value, path)

    def _resolved(self, schema: Schema) -> Schema:
        while reference := schema.get("$ref"):
            if reference in {EXTENSIONS, _CHILD_EXTENSION}:
                return EXTENSION
            schema = self.definitions[reference.removeprefix("#/definitions/")]
        return schema

    def _plain(self, shape: Schema, value: object, path: str) -> list[str]:
        wanted = shape.get("type")
        if wanted and not _is_a(value, wanted):
            return [f"{path}: must be of type {wanted}"]
        if "enum" in shape and value not in shape["enum"]:
            return [f"{path}: {value!r} is none of {', '.join(map(str, shape['enum']))}"]
        found = [
            f"{path}: {value!r} is against {name} {shape[name]}"
            for name, holds in _LIMITS.items()
            if name in shape
            and not isinstance(value, dict | list)
            and not holds(value, shape[name])
        ]
        if isinstance(value, dict):
            found += self._object(shape, value, path)
        if isinstance(value, list):
            for index, item in enumerate(value):
                found += self.problems(shape.get("items", {}), item, f"{path}[{index}]")
        return found

    def _object(self, shape: Schema, value: dict[str, Any], path: str) -> list[str]:
        known = shape.get("properties")
        if known is None:
            return []
        # an open type with named keys is a base class in these schemas, not a map
        of_a_map = shape.get("additionalProperties") if not known else None
        found: list[str] = []
        for name, item in value.items():
            where = f"{path}.{name}" if path else name
            rule = known.get(name, of_a_map)
            if rule is None:
                found.append(f"{where}: no such property")
            elif self._is_read_only(rule):
                found.append(f"{where}: is read-only")
            elif item is not None:
                found += self.problems(rule, item, where)
        if not self.partial:
            missing = [name for name in shape.get("required", ()) if value.get(name) is None]
            found += [f"{path}.{name}: is required".lstrip(".") for name in missing]
        return found

    def _is_read_only(self, rule: Schema) -> bool:
        return bool(rule.get("readOnly") or self._resolved(rule).get("readOnly"))


def _joined(base: Schema, more: Schema) -> Schema:
    """Merge the schemas of a base class and one of its subclasses."""
    rest = {name: rule for name, rule in base.items() if name not in {"oneOf", "anyOf", "allOf"}}
    joined = {**rest, **more}
    for name in ("properties",):
        if name in base or name in more:
            joined[name] = {**base.get(name, {}), **more.get(name, {})}
    joined["required"] = [*base.get("required", ()), *more.get("required", ())]
    return joined


def _is_a(value: object, wanted: str) -> bool:
    if isinstance(value, bool):
        return wanted == "boolean"
    return isinstance(value, _TYPES[wanted])
