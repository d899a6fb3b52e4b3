"""Extract the schemas in `schemas/` from Microsoft's full schemas, which are ten times as large.

    python -m tests.bench.arm.extract_schemas SOURCE_DIRECTORY

SOURCE_DIRECTORY is the folder `schemas` of a clone of Azure/azure-resource-manager-schemas, or a
flat copy of it: each file is `2024-07-01/Microsoft.Compute.json` or
`2024-07-01.Microsoft.Compute.json`. The extract contains the resource types in `WANTED` and what
they refer to: types, required keys, enums, patterns, limits, alternatives, read-only marks. It has
no prose, and nothing that is only for deployment templates: expressions, nested resources,
`apiVersion`. The same source always gives the same bytes.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

SCHEMAS_FOLDER: Final = Path(__file__).resolve().parent / "schemas"
EXTENSIONS: Final = "Microsoft.Compute.Extensions.json"

WANTED: Final[Mapping[str, tuple[str, ...]]] = {
    "2018-03-01/Microsoft.Insights.json": ("Microsoft.Insights/metricAlerts",),
    "2021-08-01/Microsoft.Insights.json": ("Microsoft.Insights/scheduledQueryRules",),
    "2022-04-01/Microsoft.Authorization.json": ("Microsoft.Authorization/roleAssignments",),
    "2022-06-01/Microsoft.Insights.json": (
        "Microsoft.Insights/dataCollectionEndpoints",
        "Microsoft.Insights/dataCollectionRuleAssociations",
        "Microsoft.Insights/dataCollectionRules",
    ),
    "2023-01-01/Microsoft.Insights.json": ("Microsoft.Insights/actionGroups",),
    "2023-01-31/Microsoft.ManagedIdentity.json": (
        "Microsoft.ManagedIdentity/userAssignedIdentities",
    ),
    "2023-03-11/Microsoft.Insights.json": (
        "Microsoft.Insights/dataCollectionEndpoints",
        "Microsoft.Insights/dataCollectionRuleAssociations",
        "Microsoft.Insights/dataCollectionRules",
    ),
    "2023-07-01/Microsoft.KeyVault.json": ("Microsoft.KeyVault/vaults",),
    "2023-09-01/Microsoft.OperationalInsights.json": (
        "Microsoft.OperationalInsights/workspaces",
        "Microsoft.OperationalInsights/workspaces/tables",
    ),
    "2023-12-01/Microsoft.Insights.json": ("Microsoft.Insights/scheduledQueryRules",),
    "2024-05-01/Microsoft.Network.NRP.json": (
        "Microsoft.Network/networkInterfaces",
        "Microsoft.Network/networkSecurityGroups",
        "Microsoft.Network/networkSecurityGroups/securityRules",
        "Microsoft.Network/publicIPAddresses",
        "Microsoft.Network/publicIPPrefixes",
        "Microsoft.Network/virtualNetworks",
        "Microsoft.Network/virtualNetworks/subnets",
    ),
    "2024-07-01/Microsoft.Compute.json": (
        "Microsoft.Compute/virtualMachineScaleSets",
        "Microsoft.Compute/virtualMachineScaleSets/extensions",
        "Microsoft.Compute/virtualMachineScaleSets/virtualMachines",
        "Microsoft.Compute/virtualMachines",
        "Microsoft.Compute/virtualMachines/extensions",
    ),
    "2025-01-01/Microsoft.Storage.json": (
        "Microsoft.Storage/storageAccounts",
        "Microsoft.Storage/storageAccounts/blobServices",
        "Microsoft.Storage/storageAccounts/blobServices/containers",
        "Microsoft.Storage/storageAccounts/fileServices",
        "Microsoft.Storage/storageAccounts/fileServices/shares",
        "Microsoft.Storage/storageAccounts/managementPolicies",
    ),
    "2025-02-01/Microsoft.RecoveryServices.Backup.json": (
        "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers",
        "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems",
        "Microsoft.RecoveryServices/vaults/backupPolicies",
        "Microsoft.RecoveryServices/vaults/backupconfig",
        "Microsoft.RecoveryServices/vaults/backupstorageconfig",
    ),
    "2025-02-01/Microsoft.RecoveryServices.json": ("Microsoft.RecoveryServices/vaults",),
}

_EXPRESSION: Final = "common/definitions.json#/definitions/expression"
_LOCAL: Final = "#/definitions/"
_MAPS: Final = ("properties",)
_ONE: Final = ("items", "additionalProperties")
_CHOICES: Final = ("oneOf", "anyOf")
_LISTS: Final = (*_CHOICES, "allOf")
# the keywords that the checker in `schema` knows; any other one is an error
_PLAIN: Final = (
    *("type", "enum", "required", "readOnly", "pattern", "minLength", "maxLength"),
    *("minimum", "maximum", "multipleOf"),
)
_PROSE: Final = ("description", "title", "default", "format", "id", "$schema")
# type and version are in the path of a request; only a template nests resources
_OF_TEMPLATES: Final = ("apiVersion", "resources", "type")

Schema = Mapping[str, Any]


class ExtractError(Exception):
    """The full schemas have unexpected content; the message has the place."""


def main(argv: Sequence[str] | None = None) -> int:
    """Write the extract and print its size; return 1 after an error."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.arm.extract_schemas")
    parser.add_argument("source", type=Path, metavar="SOURCE_DIRECTORY")
    parser.add_argument("--output", type=Path, default=SCHEMAS_FOLDER, help="default: %(default)s")
    options = parser.parse_args(argv)
    try:
        extracted = {
            name.replace("/", "."): (len(raw), extract(name, raw, types))
            for name, types in WANTED.items()
            for raw in [_read(options.source, name)]
        }
    except (ExtractError, OSError) as error:
        print(f"Cannot make the extract: {error}", file=sys.stderr)
        return 1
    options.output.mkdir(parents=True, exist_ok=True)
    for old in options.output.glob("*.json"):
        old.unlink()
    for name, (before, text) in extracted.items():
        (options.output / name).write_text(text, encoding="utf-8")
        print(f"{before:9,} -> {len(text):8,} bytes  {name}")
    total = sum(before for before, _ in extracted.values())
    print(f"{total:9,} -> {sum(len(text) for _, text in extracted.values()):8,} bytes  in all")
    return 0


def extract(name: str, raw: bytes, types: Sequence[str]) -> str:
    """Return the extract of one file, as minified JSON.

    Args:
        name: of the file below `schemas/`.
        raw: its content.
        types: the resource types wanted from it, as Microsoft writes them.

    Raises:
        ExtractError: a type is missing, or the file has a keyword that the checker of bodies
            does not know.
    """
    document = json.loads(raw)
    resources = {wanted: _resource(document, wanted, name) for wanted in types}
    definitions = _reached(resources, document.get("definitions", {}), name)
    content = {
        "source": {"file": name, "sha256": hashlib.sha256(raw).hexdigest()},
        "resources": resources,
        "definitions": definitions,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"


def _read(folder: Path, name: str) -> bytes:
    for path in (folder / name, folder / name.replace("/", ".")):
        if path.is_file():
            return path.read_bytes()
    message = f"{folder} has no {name}"
    raise ExtractError(message)


def _resource(document: Schema, wanted: str, file: str) -> Schema:
    full = _find(document, wanted)
    if full is None:
        message = f"{file} has no resource type {wanted}"
        raise ExtractError(message)
    found = dict(_stripped(full, f"{file}, {wanted}") or {})
    found["properties"] = {
        name: rule for name, rule in found["properties"].items() if name not in _OF_TEMPLATES
    }
    outside = (*_OF_TEMPLATES, "name")
    found["required"] = [name for name in found.get("required", ()) if name not in outside]
    return found


def _find(document: Schema, wanted: str) -> Schema | None:
    """Return a resource type's schema, preferably for the scope of a resource group."""
    sections = [name for name in document if name.endswith("resourceDefinitions")]
    for section in sorted(sections, key=lambda name: name != "resourceDefinitions"):
        for schema in document[section].values():
            if _type_of(schema) == wanted.lower():
                found: Schema = schema
                return found
    # some types appear only as children in another type's template
    parent, _, last = wanted.rpartition("/")
    owner = _find(document, parent) if "/" in parent else None
    nested = owner["properties"].get("resources", {}) if owner else {}
    for choice in nested.get("items", {}).get("oneOf", ()):
        child: Schema = document["definitions"][choice["$ref"].removeprefix(_LOCAL)]
        if _type_of(child) == last.lower():
            return child
    return None


def _type_of(schema: Schema) -> str:
    return str(schema["properties"]["type"]["enum"][0]).lower()


def _reached(resources: Schema, definitions: Schema, file: str) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    waiting = list(_references(resources))
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        if name not in definitions:
            message = f"{file} refers to a definition {name}, which it does not have"
            raise ExtractError(message)
        found[name] = _stripped(definitions[name], f"{file}, {name}") or {"enum": []}
        waiting += _references(found[name])
    return found


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str) and reference.startswith(_LOCAL):
            yield reference.removeprefix(_LOCAL)
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _stripped(schema: Schema, where: str) -> Schema | None:
    """Return a schema's structure; None for a template's expression."""
    if "$ref" in schema:
        target = _reference(schema["$ref"], where)
        return {**target, "readOnly": True} if target and schema.get("readOnly") else target
    kept: dict[str, Any] = {}
    for keyword, value in schema.items():
        inside = f"{where}.{keyword}"
        if keyword in _MAPS:
            rules = {name: _stripped(rule, f"{inside}.{name}") for name, rule in value.items()}
            kept[keyword] = {name: rule for name, rule in rules.items() if rule is not None}
        elif keyword in _ONE and isinstance(value, dict):
            if (rule := _stripped(value, inside)) is not None:
                kept[keyword] = rule
        elif keyword in _LISTS:
            kept[keyword] = _branches(value, inside)
        elif keyword in _PLAIN:
            kept[keyword] = value
        elif keyword not in _PROSE:
            message = f"{inside}: the checker of bodies does not know this keyword"
            raise ExtractError(message)
    return _collapsed(kept)


def _reference(target: str, where: str) -> Schema | None:
    if target.endswith(_EXPRESSION):
        return None
    if f"/{EXTENSIONS}#" in target:
        return {"$ref": EXTENSIONS}
    if not target.startswith(_LOCAL):
        message = f"{where}: a reference to another file, {target}"
        raise ExtractError(message)
    return {"$ref": target}


def _branches(choices: Sequence[Schema], where: str) -> list[Schema]:
    found: list[Schema] = []
    for index, choice in enumerate(choices):
        branch = _stripped(choice, f"{where}[{index}]")
        if branch is not None and branch not in found:
            found.append(branch)
    return found


def _collapsed(kept: Mapping[str, Any]) -> Schema | None:
    """Replace a choice of one branch by it: most were "this, or an expression"."""
    if len(kept) == 1 and (keyword := next(iter(kept))) in _CHOICES:
        branches = kept[keyword]
        if len(branches) < 2:
            return branches[0] if branches else None
    return kept


if __name__ == "__main__":
    sys.exit(main())
