"""State that the bench sets directly, not through ARM: the account of its file server."""

from tests.bench.arm.paths import GROUPS
from tests.bench.arm.storage import ACCOUNTS, furnish
from tests.bench.arm.world import SUCCEEDED, Resource, World
from tests.bench.azure import LOCATION, RESOURCE_GROUP, SUBSCRIPTION_ID
from tests.bench.azure.knobs import KnobError

_KEYS_OF_AN_ACCOUNT = 2


def checked(content: object) -> dict[str, list[str] | None]:
    """Return the ``accounts`` of a state change.

    Raises:
        KnobError: not a mapping of names to two keys or null.
    """
    if not isinstance(content, dict):
        message = "accounts: must be a mapping of name to two keys"
        raise KnobError(message)
    for name, keys in content.items():
        good = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
        if keys is not None and not (good and len(keys) == _KEYS_OF_AN_ACCOUNT):
            message = f"accounts.{name}: must be null or two keys"
            raise KnobError(message)
    return content


def accounts(world: World) -> list[Resource]:
    """Return all storage accounts."""
    return world.of_type(ACCOUNTS)


def seed_account(world: World, name: str, keys: list[str] | None) -> None:
    """Set an account's keys, creating it and its group if missing; None deletes it."""
    known = {item.name: item for item in accounts(world)}
    if keys is None:
        if name in known:
            world.remove(known[name].id)
        return
    if name not in known:
        content = {"location": LOCATION}
        group = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{RESOURCE_GROUP}"
        if world.find(group) is None:
            world.add(Resource(group, GROUPS, dict(content), SUCCEEDED, world.clock()))
        identifier = f"{group}/providers/{ACCOUNTS}/{name}"
        known[name] = world.add(
            Resource(identifier, ACCOUNTS, dict(content), SUCCEEDED, world.clock())
        )
        furnish(world, known[name], list(keys))
    known[name].private["keys"] = list(keys)
