"""The extract of Microsoft's schemas: how it is built, and that it is complete."""

import copy
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.bench.arm import extract_schemas
from tests.bench.arm.extract_schemas import SCHEMAS_FOLDER, WANTED, ExtractError, extract, main
from tests.bench.arm.schema import Body, Schemas

FILE: Final = "2099-01-01/Microsoft.Example.json"
BOTS: Final = "Microsoft.Example/bots"
PETS: Final = "Microsoft.Example/bots/pets"
COMMON: Final = "https://schema.management.azure.com/schemas/common/definitions.json"
EXPRESSION: Final = {"$ref": f"{COMMON}#/definitions/expression"}


def resource(type_name: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    common = {
        "apiVersion": {"type": "string", "enum": ["2099-01-01"]},
        "name": {"type": "string", "pattern": "^[a-z]+$", "description": "PROSE"},
        "type": {"type": "string", "enum": [type_name]},
    }
    return {
        "type": "object",
        "description": type_name,
        "properties": {**common, "properties": properties, **more},
        "required": ["apiVersion", "name", "properties", "type"],
    }


def full() -> dict[str, Any]:
    """A schema in Microsoft's style: open, verbose, and with expressions everywhere."""
    kinds = {
        "oneOf": [{"type": "string", "enum": ["Small", "Large"]}, EXPRESSION],
        "description": "PROSE",
    }
    nested = {"type": "array", "items": {"oneOf": [{"$ref": "#/definitions/bots_pets_child"}]}}
    bot = {
        "type": "object",
        "description": "PROSE",
        "properties": {
            "kind": kinds,
            "description": {"type": "string", "description": "PROSE", "default": "PROSE"},
            "state": {"type": "string", "readOnly": True},
            "host": {"$ref": "#/definitions/Host", "readOnly": True},
            "hidden": EXPRESSION,
            "trigger": {
                "type": "object",
                "oneOf": [{"$ref": "#/definitions/Timer"}, {"$ref": "#/definitions/Event"}],
                "properties": {},
            },
        },
        "required": ["kind"],
    }
    timer = {"type": "object", "properties": {"every": {"type": "integer", "minimum": 5}}}
    return {
        "id": "PROSE",
        "$schema": "http://json-schema.org/draft-04/schema#",
        "title": "PROSE",
        "description": "PROSE",
        "resourceDefinitions": {
            "bots": resource(BOTS, {"$ref": "#/definitions/Bot"}, resources=nested),
            "others": resource("Microsoft.Example/others", {"$ref": "#/definitions/Other"}),
        },
        "tenant_resourceDefinitions": {"bots": resource(BOTS, {"type": "string"})},
        "definitions": {
            "Bot": bot,
            "Host": {"type": "object", "properties": {"name": {"type": "string"}}},
            "Timer": timer,
            "Event": {"type": "object", "properties": {"kind": {"type": "string"}}},
            "Other": {"type": "object", "properties": {"of": {"$ref": "#/definitions/Unused"}}},
            "Unused": {"type": "string"},
            "bots_pets_child": resource("pets", {"$ref": "#/definitions/Timer"}),
        },
    }


def extracted(document: dict[str, Any], *types: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(extract(FILE, json.dumps(document).encode(), types))
    return found


def keywords(schema: dict[str, Any]) -> Iterator[str]:
    """Yield every keyword of a schema and its subschemas, without the names of properties."""
    yield from schema
    inner = [*schema.get("properties", {}).values(), schema.get("items")]
    inner += [schema.get("additionalProperties")]
    inner += [one for name in ("oneOf", "anyOf", "allOf") for one in schema.get(name, ())]
    for one in inner:
        if isinstance(one, dict):
            yield from keywords(one)


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].rpartition("/")[2]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_extract_contains_only_reachable_definitions() -> None:
    found = extracted(full(), BOTS)
    assert set(found["resources"]) == {BOTS}
    assert set(found["definitions"]) == {"Bot", "Host", "Timer", "Event"}


def test_extract_has_no_prose_expressions_or_template_parts() -> None:
    text = extract(FILE, json.dumps(full()).encode(), (BOTS,))
    assert "PROSE" not in text
    assert "expression" not in text
    found = json.loads(text)["resources"][BOTS]
    assert set(found["properties"]) == {"name", "properties"}
    assert found["required"] == ["properties"]


def test_extract_keeps_microsofts_structure() -> None:
    found = extracted(full(), BOTS)
    assert found["definitions"]["Bot"] == {
        "type": "object",
        "properties": {
            "kind": {"type": "string", "enum": ["Small", "Large"]},
            "description": {"type": "string"},
            "state": {"type": "string", "readOnly": True},
            "host": {"$ref": "#/definitions/Host", "readOnly": True},
            "trigger": {
                "type": "object",
                "oneOf": [{"$ref": "#/definitions/Timer"}, {"$ref": "#/definitions/Event"}],
                "properties": {},
            },
        },
        "required": ["kind"],
    }
    assert found["definitions"]["Timer"]["properties"]["every"]["minimum"] == 5
    assert found["resources"][BOTS]["properties"]["name"]["pattern"] == "^[a-z]+$"


def test_type_defined_only_inside_its_parent_is_found() -> None:
    found = extracted(full(), PETS)
    assert set(found["resources"]) == {PETS}
    assert set(found["definitions"]) == {"Timer"}


def test_extract_is_independent_of_order_and_names_its_source() -> None:
    document = full()
    turned = {name: document[name] for name in reversed(document)}
    turned["definitions"] = dict(reversed(document["definitions"].items()))
    one, other = extracted(document, BOTS), extracted(turned, BOTS)
    assert one.pop("source") == {
        "file": FILE,
        "sha256": hashlib.sha256(json.dumps(document).encode()).hexdigest(),
    }
    other.pop("source")
    assert json.dumps(one) == json.dumps(other)


@pytest.mark.parametrize(
    ("properties", "problem"),
    [
        ({"kind": "Small"}, None),
        ({"kind": "Small", "trigger": {"every": 60}}, None),
        ({"kind": "Small", "description": "mine"}, None),
        ({"kind": "Tiny"}, "properties.kind: 'Tiny' is none of Small, Large"),
        ({"kind": "[parameters('kind')]"}, "is none of Small, Large"),
        ({}, "properties.kind: is required"),
        ({"kind": "Small", "kindX": 1}, "properties.kindX: no such property"),
        ({"kind": "Small", "hidden": "x"}, "properties.hidden: no such property"),
        ({"kind": "Small", "state": "Running"}, "properties.state: is read-only"),
        ({"kind": "Small", "host": {"name": "x"}}, "properties.host: is read-only"),
        ({"kind": "Small", "trigger": {"every": 1}}, "is against minimum 5"),
    ],
)
def test_extract_checks_a_body(
    tmp_path: Path, properties: dict[str, Any], problem: str | None
) -> None:
    text = extract(FILE, json.dumps(full()).encode(), (BOTS,))
    (tmp_path / FILE.replace("/", ".")).write_text(text)
    body = Body(BOTS, "2099-01-01", ("bot",), {"properties": properties})
    found = Schemas(tmp_path).problems(body)
    assert len(found) == (0 if problem is None else 1)
    assert problem is None or problem in found[0]


def changed(**definition: object) -> dict[str, Any]:
    document = copy.deepcopy(full())
    document["definitions"]["Timer"] = definition
    return document


@pytest.mark.parametrize(
    ("document", "wanted", "message"),
    [
        (
            changed(type="object", patternProperties={}),
            BOTS,
            "Timer.patternProperties: the",
        ),
        (
            changed(type="object", properties={"x": {"not": {}}}),
            BOTS,
            "properties.x.not: the",
        ),
        (changed(**{"$ref": "#/definitions/Nothing"}), BOTS, "a definition Nothing"),
        (changed(**{"$ref": "https://example.com/a.json#/b"}), BOTS, "another file, https://exam"),
        (full(), "Microsoft.Example/nothing", "no resource type Microsoft.Example/nothing"),
        (full(), f"{BOTS}/nothing", f"no resource type {BOTS}/nothing"),
    ],
)
def test_invalid_source_is_refused(document: dict[str, Any], wanted: str, message: str) -> None:
    with pytest.raises(ExtractError) as caught:
        extracted(document, wanted)
    assert message in str(caught.value)
    assert FILE in str(caught.value)


@pytest.mark.parametrize("layout", ["2099-01-01/Microsoft.Example.json", FILE.replace("/", ".")])
def test_command_writes_the_extract_and_removes_other_files(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    layout: str,
) -> None:
    monkeypatch.setattr(extract_schemas, "WANTED", {FILE: (BOTS,)})
    source, output = tmp_path / "source" / layout, tmp_path / "output"
    source.parent.mkdir(parents=True)
    source.write_text(json.dumps(full()))
    output.mkdir()
    (output / "1999-01-01.Microsoft.Old.json").write_text("{}")
    (output / "README.md").write_text("stays")
    assert main([str(tmp_path / "source"), "--output", str(output)]) == 0
    assert {path.name for path in output.iterdir()} == {"README.md", FILE.replace("/", ".")}
    written = (output / FILE.replace("/", ".")).read_text()
    assert written == extract(FILE, source.read_bytes(), (BOTS,))
    assert f"-> {len(written):8,} bytes  in all" in capsys.readouterr().out


def test_incomplete_source_leaves_the_extract_unchanged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old.json").write_text("{}")
    assert main([str(tmp_path), "--output", str(tmp_path)]) == 1
    assert f"{tmp_path} has no {next(iter(WANTED))}" in capsys.readouterr().err
    assert (tmp_path / "old.json").exists()


def test_source_argument_is_required() -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2


def test_projects_extract_has_exactly_the_wanted_files() -> None:
    names = {path.name for path in SCHEMAS_FOLDER.iterdir()}
    assert names == {*(name.replace("/", ".") for name in WANTED), "README.md", "LICENSE"}


@pytest.mark.parametrize("name", WANTED)
def test_projects_extract_is_complete(name: str) -> None:
    text = (SCHEMAS_FOLDER / name.replace("/", ".")).read_text()
    document = json.loads(text)
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert text == f"{canonical}\n"
    assert document["source"]["file"] == name
    assert set(document["resources"]) == set(WANTED[name])
    reached = set(references(document)) - {extract_schemas.EXTENSIONS}
    assert reached == set(document["definitions"])
    schemas = [*document["resources"].values(), *document["definitions"].values()]
    used = {word for schema in schemas for word in keywords(schema)}
    assert used & {"description", "title", "default", "format", "id", "$schema"} == set()
