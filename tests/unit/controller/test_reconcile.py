"""Azure's defaults, order and case are no differences."""

import copy
from typing import Any

import pytest

from clawbot_controller.model.resource import Body, Resource
from clawbot_controller.operations.reconcile import body_to_send, differences, without_optional
from tests.unit.controller.test_model import scale_set


def resource(body: Body, **more: Any) -> Resource:  # noqa: ANN401 - as Resource
    return Resource(id="/subscriptions/s/resourceGroups/g", body=body, description="it", **more)


def found(want: Body, have: Body, **more: Any) -> list[str]:  # noqa: ANN401 - as Resource
    return [str(one) for one in differences(resource(want, **more), have)]


@pytest.mark.parametrize(
    ("want", "have"),
    [
        ({"a": 1}, {"a": 1, "b": 2, "id": "x"}),
        ({"location": "eastus"}, {"location": "East US"}),
        ({"protocol": "Tcp"}, {"protocol": "TCP"}),
        ({"ports": ["80", "443"]}, {"ports": ["443", "80"]}),
        ({"rules": [{"name": "a", "x": 1}]}, {"rules": [{"x": 1, "name": "a", "etag": "e"}]}),
        ({"ids": {"/A/B": {}}}, {"ids": {"/a/b": {"clientId": "x"}}}),
        ({"smb": {"versions": "A;B"}}, {"smb": {"versions": "B;A;"}}),
    ],
)
def test_equivalent_bodies_do_not_differ(want: Body, have: Body) -> None:
    assert found(want, have) == []


@pytest.mark.parametrize(
    ("want", "have", "expected"),
    [
        ({"a": 1}, {"a": 2}, ["a: 2 → 1"]),
        ({"a": 1}, {}, ["a: absent → 1"]),
        ({"a": True}, {"a": 1}, ["a: 1 → True"]),
        ({"a": False}, {}, ["a: absent → False"]),
        ({"a": {"b": 1}}, {"a": None}, ["a: None → {'b': 1}"]),
        ({"l": ["80"]}, {"l": ["80", "22"]}, ["l: 22 → absent"]),
        (
            {"l": [{"name": "a", "x": 1}]},
            {"l": [{"name": "a", "x": 2}, {"name": "ssh"}]},
            ["l[a].x: 2 → 1", "l: ssh → absent"],
        ),
        ({"tags": {"a": "X"}}, {"tags": {"a": "x"}}, ["tags.a: x → X"]),
    ],
)
def test_difference_is_reported_by_path(want: Body, have: Body, expected: list[str]) -> None:
    assert found(want, have) == expected


def test_write_only_part_is_not_compared() -> None:
    assert found({"p": {"d": "x"}}, {"p": {}}, write_only=frozenset({"p.d"})) == []


def test_create_only_part_keeps_actual_value() -> None:
    wanted = resource({"a": {"b": 1, "c": 2}}, create_only=frozenset({"a.b"}))
    assert differences(wanted, {"a": {"c": 2}}) == ()
    have = {"a": {"b": 9, "c": 3}}
    assert [str(one) for one in differences(wanted, have)] == ["a.c: 3 → 2"]
    assert body_to_send(wanted, have) == {"a": {"b": 9, "c": 2}}
    assert body_to_send(wanted, None) == {"a": {"b": 1, "c": 2}}


def test_other_tags_are_kept() -> None:
    body = body_to_send(resource({"tags": {"a": "1"}}), {"tags": {"a": "0", "policy": "x"}})
    assert body["tags"] == {"a": "1", "policy": "x"}


def leaves(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict) and value:
        return [leaf for key, one in value.items() for leaf in leaves(one, (*path, key))]
    if isinstance(value, list):
        return [leaf for index, one in enumerate(value) for leaf in leaves(one, (*path, index))]
    return [path]


def changed(body: Any, path: tuple[Any, ...]) -> Any:  # noqa: ANN401 - JSON
    copied = copy.deepcopy(body)
    part = copied
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = "something else"
    return copied


def test_change_of_any_part_of_scale_set_is_a_difference() -> None:
    """Except the write-only and create-only parts."""
    wanted = scale_set()
    unseen = {
        path[-1]
        for path in leaves(wanted.body)
        if not differences(wanted, changed(wanted.body, path))
    }
    assert unseen == {"customData", "path", "keyData"}


def test_only_optional_part_may_be_absent() -> None:
    optional = frozenset({"nics.ip.sku"})
    want = {"nics": [{"name": "nic", "ip": {"sku": "Standard", "label": "a"}}]}
    nic = {"name": "nic", "ip": {"label": "a"}}
    assert found(want, {"nics": [nic]}, optional=optional) == []
    null = {"name": "nic", "ip": {"label": "a", "sku": None}}
    assert found(want, {"nics": [null]}, optional=optional) == []
    # beside another difference in the same item
    other = {"name": "nic", "ip": {"label": "b"}}
    expected = ["nics[nic].ip.label: b → a"]
    assert found(want, {"nics": [other]}, optional=optional) == expected
    basic = {"name": "nic", "ip": {"label": "a", "sku": "Basic"}}
    expected = ["nics[nic].ip.sku: Basic → Standard"]
    assert found(want, {"nics": [basic]}, optional=optional) == expected


def test_optional_parts_are_removed_from_body() -> None:
    body = {"a": [{"b": {"sku": 1, "c": 2}}], "sku": 3}
    less = without_optional(resource(body, optional=frozenset({"a.b.sku"})), body)
    assert less == {"a": [{"b": {"c": 2}}], "sku": 3}
