"""The instances of scale sets in ARM: creation, operations, capacity."""

import base64
import secrets
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Final

from tests.bench.arm.flexible import belongings, forget_belongings
from tests.bench.arm.machines import Instance, Model
from tests.bench.arm.operations import Status, in_background
from tests.bench.arm.scale_set_rules import mode
from tests.bench.arm.world import SUCCEEDED, Resource, World

SCALE_SETS: Final = "Microsoft.Compute/virtualMachineScaleSets"
UNIFORM: Final = f"{SCALE_SETS}/virtualMachines"
FLEXIBLE: Final = "Microsoft.Compute/virtualMachines"


def instances_of(world: World, scale_set: Resource) -> list[Resource]:
    """Return a scale set's instances, oldest first."""
    wanted = scale_set.id.lower()
    kinds = {UNIFORM, FLEXIBLE}
    return [
        item
        for item in world.resources.values()
        if item.type_name in kinds and item.private["scale_set"].lower() == wanted
    ]


def scale_set_of(world: World, instance: Resource) -> Resource:
    """Return the scale set of an instance."""
    return world.require(instance.private["scale_set"])


def handle(instance: Resource) -> Instance:
    """Return the identification of an instance's machine."""
    steps = instance.id.split("/")
    return Instance(
        id=instance.id,
        scale_set=instance.private["scale_set"].rpartition("/")[2],
        name=instance.private["name"],
        vm_id=instance.private["vm_id"],
        group=steps[4],
    )


def model_of(world: World, scale_set: Resource, computer_name: str) -> Model:
    """Return the model for a new instance, from the body as it was sent."""
    sent = scale_set.private["sent"]
    profile = sent["properties"].get("virtualMachineProfile") or {}
    os_profile = profile.get("osProfile") or {}
    identities = []
    for identifier in (sent.get("identity") or {}).get("userAssignedIdentities") or {}:
        found = world.find(identifier)
        if found is not None:
            told = {
                "client_id": found.properties["clientId"],
                "object_id": found.properties["principalId"],
                "resource_id": found.id,
            }
            identities.append(told)
    return Model(
        size=sent["sku"]["name"],
        location=sent["location"],
        custom_data=base64.b64decode(os_profile.get("customData") or ""),
        user_data=base64.b64decode(profile.get("userData") or ""),
        computer_name=computer_name,
        identities=tuple(identities),
        tags=dict(sent.get("tags") or {}),
        profile=profile,
    )


def scaled(world: World, scale_set: Resource) -> Future[Any] | None:
    """Create or delete instances to match the capacity; return the work, if any."""
    capacity = int((scale_set.private["sent"].get("sku") or {}).get("capacity") or 0)
    present = instances_of(world, scale_set)
    if len(present) > capacity:
        return deleted(world, present[capacity:])
    # an instance whose creation failed is created again
    wanted = [item for item in present if item.state == "Failed"]
    wanted += [_added(world, scale_set) for _ in range(capacity - len(present))]

    def work() -> None:
        for instance in wanted:
            _create(world, instance)

    return in_background(work) if wanted else None


def deleted(world: World, instances: Sequence[Resource]) -> Future[Any] | None:
    """Delete instances; return the work, if any."""
    for instance in instances:
        instance.state = "Deleting"

    def work() -> None:
        for instance in instances:
            world.machines.delete(handle(instance))
            with world.lock:
                forget_belongings(world, instance)
                world.remove(instance.id)

    return in_background(work) if instances else None


def worked_at(
    instances: Sequence[Resource], work: Callable[[Resource], None], *, meanwhile: str
) -> Future[Any] | None:
    """Return the work for instances; `meanwhile` is their power state during it."""
    for instance in instances:
        instance.private["power"] = meanwhile

    def whole() -> None:
        for instance in instances:
            work(instance)

    return in_background(whole) if instances else None


def finished(instances: Sequence[Resource], power: str | None) -> Callable[[Status], None]:
    """Return the end of an operation: it sets the power state, unless None."""
    before = {instance.id: instance.private["power"] for instance in instances}

    def finish(status: Status) -> None:
        for instance in instances:
            done = power if status is Status.DONE else before[instance.id]
            instance.private["power"] = done or before[instance.id]
            if instance.state != "Deleting":
                instance.state = SUCCEEDED

    return finish


def _added(world: World, scale_set: Resource) -> Resource:
    sent, number = scale_set.private["sent"], scale_set.private["next"]
    scale_set.private["next"] = number + 1
    flexible = mode(sent["properties"]) == "Flexible"
    os_profile = (sent["properties"].get("virtualMachineProfile") or {}).get("osProfile") or {}
    prefix = os_profile.get("computerNamePrefix", scale_set.name)
    if flexible:
        name = f"{scale_set.name}_{secrets.token_hex(4)}"
        group = scale_set.id.partition("/providers/")[0]
        identifier = f"{group}/providers/{FLEXIBLE}/{name}"
        computer = f"{prefix}{secrets.token_hex(3)}"
    else:
        name = f"{scale_set.name}_{number}"
        identifier = f"{scale_set.id}/virtualMachines/{number}"
        computer = f"{prefix}{number:06d}"
    private = {
        "scale_set": scale_set.id,
        "name": name,
        "number": number,
        "vm_id": str(uuid.uuid4()),
        "computer_name": computer,
        "power": "starting",
        "model": model_of(world, scale_set, computer),
        "version": scale_set.private["version"],
    }
    kind = FLEXIBLE if flexible else UNIFORM
    content = {"location": sent["location"], "properties": {}}
    instance = Resource(identifier, kind, content, "Creating", world.clock(), private)
    world.add(instance)
    if flexible:
        belongings(world, instance)
    return instance


def _create(world: World, instance: Resource) -> None:
    try:
        world.machines.create(handle(instance), instance.private["model"])
    except Exception:
        instance.state, instance.private["power"] = "Failed", "unknown"
        raise
    instance.state, instance.private["power"] = SUCCEEDED, "running"
