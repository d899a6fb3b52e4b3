"""Instances as resources: below their scale set, or separate virtual machines."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

from tests.bench.arm import instance_actions, instances, views
from tests.bench.arm.calls import Call, Style
from tests.bench.arm.errors import ArmError, not_found
from tests.bench.arm.kinds import NOTHING, Kind
from tests.bench.arm.network import ADDRESSES
from tests.bench.arm.network import Addresses as LoneAddresses
from tests.bench.arm.world import Resource
from tests.bench.azure.messages import Reply, json_reply

_ACTIONS: Final[dict[tuple[str, str], Callable[[Call, Resource], Reply]]] = {
    ("POST", "runcommand"): instance_actions.run_command,
    ("POST", "retrievebootdiagnosticsdata"): instance_actions.boot_diagnostics,
    ("GET", "instanceview"): lambda call, found: json_reply(200, views.view(call, found)),
}


class Instances(Kind):
    """Common base of both kinds."""

    style = Style.ASYNC

    def put(self, call: Call) -> Reply:  # noqa: ARG002 - the base class's signature
        """Refuse: scale sets create them."""
        message = f"{self.name} are made by their scale set here."
        raise ArmError(405, "MethodNotAllowed", message)

    patch = put

    def delete(self, call: Call) -> Reply:
        """Delete an instance."""
        found = call.world.find(call.target.id)
        if found is None:
            return NOTHING
        self.still(found)
        scale_set = instances.scale_set_of(call.world, found)
        return instance_actions.delete(call, scale_set, [found])

    def delete_work(self, call: Call, found: Resource) -> Future[Any] | None:  # noqa: ARG002 - the base class's signature
        """Return no work: the scale set in the same group has it."""
        return None

    def shown(self, call: Call, resource: Resource) -> dict[str, Any]:
        """Return the instance according to its model."""
        return views.body(call, resource)

    def act(self, call: Call, action: str) -> Reply:
        """Perform power, command and console actions."""
        found = call.world.require(call.target.id)
        handler = _ACTIONS.get((call.request.method, action.lower()))
        if handler is not None:
            return handler(call, found)
        if call.request.method == "POST" and action.lower() in instance_actions.POWER:
            return instance_actions.power(call, [found], action.lower())
        return super().act(call, action)


class UniformInstances(Instances):
    """Instances of Uniform scale sets; the list works for Flexible ones too."""

    name = instances.UNIFORM
    tracked = False

    def list(self, call: Call) -> Reply:
        """Return the instances of one scale set."""
        scale_set = call.world.require(call.target.id)
        for item in instances.instances_of(call.world, scale_set):
            item.look()
        found = instances.instances_of(call.world, scale_set)
        return json_reply(200, {"value": [self.shown(call, item) for item in found]})

    def get(self, call: Call) -> Reply:
        """Return an instance; of a Flexible scale set by its name."""
        scale_set = call.world.require(call.target.parent)
        for item in instances.instances_of(call.world, scale_set):
            if item.name.lower() == call.target.name.lower():
                item.look()
                if call.world.find(item.id):
                    return json_reply(200, self.shown(call, item))
        raise not_found(self.name, "/".join(call.target.names), call.target.group)


class FlexibleInstances(Instances):
    """Virtual machines that are instances of Flexible scale sets."""

    name = instances.FLEXIBLE


class Disks(Kind):
    """Disks of Flexible instances, created and deleted with them."""

    name = "Microsoft.Compute/disks"
    more_versions = ("2024-07-01", "2024-03-02", "2023-10-02")

    def put(self, call: Call) -> Reply:
        """Refuse: scale sets create them."""
        raise ArmError(405, "MethodNotAllowed", f"{call.target.id}: disks are not made alone here.")


class Addresses(LoneAddresses):
    """Public addresses; an instance's is that of its machine."""

    name = ADDRESSES

    def shown(self, call: Call, resource: Resource) -> dict[str, Any]:
        """Return the resource with the address itself."""
        shown = super().shown(call, resource)
        for item in call.world.of_type(instances.FLEXIBLE):
            if resource.id in item.private.get("belongings", ()) or resource.name.endswith(
                f"-{item.private['name']}"
            ):
                address = call.world.machines.address(instances.handle(item))
                shown["properties"]["ipAddress"] = address
        return shown
