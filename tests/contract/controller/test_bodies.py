"""Every body is valid by Microsoft's schemas, and invalid with any key renamed."""

import copy
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.bench.arm.paths import parse
from tests.bench.arm.schema import Body, schemas
from tests.contract.controller.conftest import FakeAzure

# keys that are ids or names of the operator's, which schemas do not know
_MAPS: Final = ("tags", "userAssignedIdentities")


def bodies(azure: FakeAzure) -> Iterator[Body]:
    for one in azure.arm.requests:
        target = parse(one.path)
        # a group's body is in no schema; the fake itself refuses unknown keys
        if one.method == "PUT" and not target.type_name.endswith("resourceGroups"):
            version = one.query.partition("api-version=")[2].partition("&")[0]
            yield Body(target.type_name, version, target.names, one.json, partial=False)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - JSON
    """Return the path of every key at every depth, except in maps."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not path or path[-1] not in _MAPS:
                yield (*path, key)
            yield from paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from paths(inner, (*path, index))


def renamed(content: Any, path: tuple[Any, ...]) -> Any:  # noqa: ANN401 - JSON
    copied = copy.deepcopy(content)
    part = copied
    for step in path[:-1]:
        part = part[step]
    part[f"{path[-1]}X"] = part.pop(path[-1])
    return copied


@pytest.mark.parametrize("mode", ["uniform", "flexible"])
def test_renamed_key_is_refused_at_every_depth(azure: FakeAzure, mode: str) -> None:
    more = {"address": "prefix", "dns_label": "a-bot"}
    azure.up(azure.bot(orchestration=mode, bot={"share": {"auth": "managed-identity"}}, **more))
    found = list(bodies(azure))
    assert len(found) >= 12
    accepted = [
        (body.type_name, path)
        for body in found
        for path in paths(body.content)
        if not schemas().problems(
            Body(
                body.type_name, body.version, body.names, renamed(body.content, path), partial=False
            )
        )
    ]
    assert [body.type_name for body in found if schemas().problems(body)] == []
    assert accepted == []
