"""Parsing of Azure Resource Manager paths."""

from dataclasses import dataclass
from typing import Final

from tests.bench.arm.errors import ArmError

GROUPS: Final = "Microsoft.Resources/resourceGroups"
SUBSCRIPTIONS: Final = "Microsoft.Resources/subscriptions"
_ROOTS: Final = {
    "subscriptions": ("subscriptions", SUBSCRIPTIONS),
    "resourcegroups": ("resourceGroups", GROUPS),
}
"""Step in lower case to the step in ids, and the type."""


@dataclass(frozen=True, slots=True)
class Target:
    """A resource or, with `collection`, a list in it or an action on it.

    Args:
        id: without the last step of a collection.
        type_name: as written in the path; with the last step of a collection.
        names: of the resource, parents of the same provider first.
        scope: the path before the provider's part, "" at the root.
        subscription: None if the path has none.
        group: None if the path has none.
        collection: whether there is one step more than names.
    """

    id: str
    type_name: str
    names: tuple[str, ...]
    scope: str
    subscription: str | None
    group: str | None
    collection: bool

    @property
    def name(self) -> str:
        """The last name."""
        return self.names[-1] if self.names else ""

    @property
    def parent(self) -> str:
        """The id of the parent."""
        if len(self.names) > 1:
            return self.id.rpartition("/")[0].rpartition("/")[0]
        return self.scope

    @property
    def parent_type(self) -> str:
        """The type without its last step."""
        return self.type_name.rpartition("/")[0]

    @property
    def step(self) -> str:
        """The last step of the type: the name of an action."""
        return self.type_name.rpartition("/")[2]


def parse(path: str) -> Target:
    """Parse a path.

    Raises:
        ArmError: it is not a path of ARM.
    """
    steps = [step for step in path.split("/") if step]
    found, at = Target("", "", (), "", None, None, collection=False), 0
    while at < len(steps):
        root = _ROOTS.get(steps[at].lower())
        if steps[at].lower() == "providers":
            end = _end(steps, at + 1)
            found = _provided(found, steps[at:end])
        elif root:
            end = at + 2
            found = _rooted(found, root, steps[at + 1 : end])
        else:
            end = len(steps)
            found = _below(found, steps[at:end])
        at = end
    return found


def _end(steps: list[str], start: int) -> int:
    later = (at for at in range(start, len(steps)) if steps[at].lower() == "providers")
    return next(later, len(steps))


def _rooted(scope: Target, root: tuple[str, str], names: list[str]) -> Target:
    (step, type_name), name = root, names[0] if names else None
    return Target(
        id=f"{scope.id}/{step}/{name}" if name else scope.id,
        type_name=type_name,
        names=(name,) if name else (),
        scope=scope.id,
        subscription=name if type_name == SUBSCRIPTIONS else scope.subscription,
        group=name if type_name == GROUPS else None,
        collection=name is None,
    )


def _below(scope: Target, steps: list[str]) -> Target:
    """Parse a path such as /resources of a group."""
    if len(steps) != 1 or not scope.id:
        message = (
            "The request did not have a subscription or a valid tenant level resource provider."
        )
        raise ArmError(404, "MissingSubscription", message)
    return Target(
        id=scope.id,
        type_name=f"{scope.type_name}/{steps[0]}",
        names=scope.names,
        scope=scope.scope,
        subscription=scope.subscription,
        group=scope.group,
        collection=True,
    )


def _provided(scope: Target, steps: list[str]) -> Target:
    _, *rest = steps
    if not rest:
        return _below(scope, steps)
    namespace, types, names = rest[0], rest[1::2], rest[2::2]
    collection = len(types) > len(names)
    named = steps[:-1] if collection and names else steps
    whole = "/".join((scope.id, *named))
    if not types:
        types, names, collection = [], [], True
    return Target(
        id=scope.id if collection and not names else whole,
        type_name="/".join((namespace, *types)),
        names=tuple(names),
        scope=scope.id,
        subscription=scope.subscription,
        group=scope.group,
        collection=collection,
    )
