"""Comparison of a desired resource with the actual one, and the change that is needed.

Every desired part is compared, and nothing else: Azure adds ids, states and defaults, changes order
and case, and omits some parts (`Resource.write_only`). None of that is a difference.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from clawbot_controller.azure.arm import Arm, is_assigned
from clawbot_controller.azure.cloud import Report
from clawbot_controller.azure.errors import NotChangeableError, RequestRefusedError
from clawbot_controller.azure.vault import deleted_vault
from clawbot_controller.model.resource import Body, Found, Resource, kind_of, value_at
from clawbot_controller.model.scale_set import FINGERPRINT_TAG

_FIXED: Final = frozenset(
    {
        *("location", "kind", "properties.tenantId", "properties.orchestrationMode"),
        *("properties.singlePlacementGroup", "properties.platformFaultDomainCount"),
        *("properties.addressPrefix", "properties.prefixLength"),
    }
)
# in Azure's message when it refuses an optional part
_OPTIONAL: Final = "sku"
_REPAIRS: Final = "automaticRepairsPolicy"
_VAULT: Final = "microsoft.keyvault/vaults"
_FAILED_STATES: Final = frozenset({"failed", "canceled"})
_ABSENT: Final = object()
_SHOWN_LENGTH: Final = 60
# index of a list item in a path
_INDEX: Final = re.compile(r"\[[^]]*\]")


class Action(StrEnum):
    """What a resource needs."""

    CREATE = "create"
    RECOVER = "recover"
    CHANGE = "change"
    KEEP = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A resource and what it needs; `reasons` are the differences."""

    name: str
    description: str
    action: Action
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """A part of a resource that is not as desired."""

    path: str
    actual: str
    desired: str

    def __str__(self) -> str:
        """Return the one-line form."""
        return f"{self.path}: {self.actual} → {self.desired}"


def examine(arm: Arm, resource: Resource, actual: Found | None) -> Step:
    """Return what a resource needs, given the actual one.

    Raises:
        NotChangeableError: it needs a change that Azure cannot make.
    """
    action, reasons = Action.KEEP, tuple[str, ...]()
    if actual is not None:
        found = differences(resource, actual)
        _refuse_fixed(resource, found)
        reasons = (*map(_reason, found), *_failed_state(actual))
        action = Action.CHANGE if reasons else Action.KEEP
    elif not is_assigned(arm, resource):
        action = Action.RECOVER if _is_deleted_vault(arm, resource) else Action.CREATE
    return Step(
        name=resource.name, description=resource.description, action=action, reasons=reasons
    )


def ensure(arm: Arm, resource: Resource, report: Report) -> tuple[Step, Found]:
    """Create or change a resource if necessary; return the step and the resource."""
    actual = arm.settled(resource.id)
    step = examine(arm, resource, actual)
    if step.action is Action.KEEP:
        return step, actual or {}
    if step.action is Action.RECOVER:
        report(f"recover {step.description}")
        actual = _recover(arm, resource)
        if examine(arm, resource, actual).action is Action.KEEP:
            return step, actual
    verb = "change" if step.action is Action.CHANGE else "create"
    reasons = f" ({'; '.join(step.reasons)})" if step.reasons else ""
    report(f"{verb} {step.description}{reasons}")
    body = body_to_send(resource, actual)
    if any(f"{_REPAIRS}.repairAction" in reason for reason in step.reasons):
        # Azure changes the action only while repairs are disabled
        disabled = {**body["properties"], _REPAIRS: {"enabled": False}}
        _put(arm, resource, {**body, "properties": disabled})
    return step, _put(arm, resource, body)


def differences(resource: Resource, actual: Body) -> tuple[Difference, ...]:
    """Return where the actual resource, as Azure returned it, is not as desired."""
    return tuple(_compare(resource, resource.body, actual, ""))


def body_to_send(resource: Resource, actual: Body | None) -> dict[str, Any]:
    """Return the desired body, with the actual values of `create_only` parts and other tags."""
    body = dict(resource.body)
    if actual is None:
        return body
    for path in resource.create_only:
        _copy(actual, body, path.split("."))
    if "tags" in body:
        # a PUT replaces all tags, and company policies add some
        body["tags"] = {**(actual.get("tags") or {}), **body["tags"]}
    return body


def without_optional(resource: Resource, value: Any, path: str = "") -> Any:  # noqa: ANN401 - JSON
    """Return a body, or the part of it at `path`, without `optional` parts."""
    if isinstance(value, list):
        return [without_optional(resource, one, path) for one in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: without_optional(resource, inner, below)
        for key, inner in value.items()
        if (below := f"{path}.{key}" if path else key) not in resource.optional
    }


def _put(arm: Arm, resource: Resource, body: dict[str, Any]) -> Found:
    try:
        return arm.put(resource.id, body)
    except RequestRefusedError as error:
        reduced = without_optional(resource, body)
        if reduced == body or _OPTIONAL not in error.message.lower():
            raise
        return arm.put(resource.id, reduced)


def _is_deleted_vault(arm: Arm, resource: Resource) -> bool:
    if kind_of(resource.id) != _VAULT or "/secrets/" in resource.id:
        return False
    subscription, region = resource.id.split("/")[2], str(resource.body["location"])
    return deleted_vault(arm, subscription, region=region, name=resource.name) is not None


def _recover(arm: Arm, resource: Resource) -> Found:
    desired = resource.body
    properties = {key: desired["properties"][key] for key in ("tenantId", "sku")}
    body = {key: desired[key] for key in ("location", "tags")}
    arm.put(resource.id, {**body, "properties": {**properties, "createMode": "recover"}})
    return arm.settled(resource.id) or {}


def _refuse_fixed(resource: Resource, found: tuple[Difference, ...]) -> None:
    for one in found:
        if one.path in _FIXED:
            msg = f"{resource.description}: Azure cannot change {one}"
            raise NotChangeableError(msg)


def _reason(difference: Difference) -> str:
    if difference.path == f"tags.{FINGERPRINT_TAG}":
        return "the model has changed, for example the custom data"
    return str(difference)


def _failed_state(actual: Found) -> tuple[str, ...]:
    state = str(value_at(actual, "properties", "provisioningState") or "")
    return (f"provisioning state: {state}",) if state.lower() in _FAILED_STATES else ()


def _copy(source: Body, target: dict[str, Any], path: Sequence[str]) -> None:
    key, *below = path
    if key not in source:
        return
    if not below:
        target[key] = source[key]
        return
    target[key] = dict(target[key])
    _copy(source[key], target[key], below)


def _compare(resource: Resource, want: object, have: object, path: str) -> Iterator[Difference]:
    if path in resource.write_only | resource.create_only:
        return
    if have in (_ABSENT, None) and _INDEX.sub("", path) in resource.optional:
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
    # some keys are ids, whose case Azure changes
    lower = {str(key).lower(): value for key, value in have.items()}
    for key, value in want.items():
        inner = f"{path}.{key}" if path else key
        yield from _compare(resource, value, lower.get(str(key).lower(), _ABSENT), inner)


def _compare_lists(
    resource: Resource, want: Sequence[object], have: object, path: str
) -> Iterator[Difference]:
    if not isinstance(have, Sequence) or isinstance(have, str):
        yield Difference(path, _shown(have), _shown(want))
        return
    left = list(have)
    for item in want:
        equal = [one for one in left if not any(_compare(resource, item, one, path))]
        named = [one for one in left if _name(one) is not None and _name(one) == _name(item)]
        if equal:
            left.remove(equal[0])
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
    return _normalized(want, path) == _normalized(have, path)


def _normalized(text: str, path: str) -> object:
    lower = text.lower()
    if path == "location":
        return lower.replace(" ", "")
    # Azure Files returns lists with or without a final semicolon
    return frozenset(filter(None, lower.split(";"))) if ";" in lower else frozenset({lower})


def _shown(value: object) -> str:
    if value is _ABSENT:
        return "absent"
    if isinstance(value, Mapping) and _name(value):
        return str(_name(value))
    text = str(value)
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…"
