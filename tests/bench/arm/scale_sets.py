"""Microsoft.Compute/virtualMachineScaleSets."""

import copy
import uuid
from concurrent.futures import Future
from typing import Any, ClassVar, Final

from tests.bench.arm import instance_actions, instances
from tests.bench.arm.calls import Call, Style, accepted, same_location
from tests.bench.arm.errors import ArmError, bad
from tests.bench.arm.faults import FaultKind
from tests.bench.arm.kinds import Kind
from tests.bench.arm.operations import Status
from tests.bench.arm.scale_set_rules import check, mode
from tests.bench.arm.views import public_addresses
from tests.bench.arm.world import Resource
from tests.bench.azure.messages import Reply, json_reply

_REPAIRS: Final = "AutomaticRepairs"
# of osProfile and the profile: stored, but never returned
_WRITE_ONLY: Final = ("customData", "adminPassword", "userData", "protectedSettings")
_STATES: Final = {"Suspend": "Suspended", "Resume": "Running"}


class ScaleSets(Kind):
    """Scale sets, Uniform and Flexible."""

    name = instances.SCALE_SETS
    style = Style.ASYNC
    # answered by the network provider, with its only version
    action_versions: ClassVar[dict[str, tuple[str, ...]]] = {
        "publicipaddresses": ("2018-10-01", "2024-05-01")
    }

    def made(self, call: Call, body: dict[str, Any], old: Resource | None) -> dict[str, Any]:
        """Return the content of a valid body, without what is never returned."""
        same_location(body, old)
        check(call, body, old)
        content: dict[str, Any] = _scrubbed(super().made(call, body, old))
        return content

    def sent(self, old: Resource) -> dict[str, Any]:
        """Return the body as it was sent: a PATCH keeps the custom data."""
        return dict(old.private["sent"])

    def stored(self, call: Call, new: Resource, body: dict[str, Any]) -> None:  # noqa: ARG002 - the base class's signature
        """Store the body as it was sent; a different model is a new version."""
        before = new.private.get("sent")
        sent = copy.deepcopy(body)
        profile = sent["properties"].get("virtualMachineProfile") or {}
        if before is not None and profile:
            _keep_custom_data(profile, before["properties"].get("virtualMachineProfile") or {})
        new.private.setdefault("next", 0)
        new.private.setdefault("unique", str(uuid.uuid4()))
        new.private.setdefault("repairs", "Running")
        if before is None or _model(before) != _model(sent):
            new.private["version"] = new.private.get("version", 0) + 1
        new.private["sent"] = sent

    def work(self, call: Call, new: Resource, old: Resource | None) -> Future[Any] | None:  # noqa: ARG002 - the base class's signature
        """Return the work to reach the capacity."""
        if call.fault and call.fault.kind in {FaultKind.LRO_FAILED, FaultKind.LRO_CANCELED}:
            return None
        present = instances.instances_of(call.world, new)
        if new.private["sent"]["properties"].get("upgradePolicy", {}).get("mode") == "Automatic":
            for instance in present:
                _update(call, new, instance)
        return instances.scaled(call.world, new)

    def delete_work(self, call: Call, found: Resource) -> Future[Any] | None:
        """Return the work to delete the instances first."""
        return instances.deleted(call.world, instances.instances_of(call.world, found))

    def shown(self, call: Call, resource: Resource) -> dict[str, Any]:
        """Return the scale set with the ids of its identities."""
        shown = super().shown(call, resource)
        for identifier, value in (
            (shown.get("identity") or {}).get("userAssignedIdentities") or {}
        ).items():
            if (found := call.world.find(identifier)) is not None:
                names = ("principalId", "clientId")
                value.update({name: found.properties[name] for name in names})
        shown["properties"]["uniqueId"] = resource.private["unique"]
        shown["properties"]["orchestrationMode"] = mode(resource.properties)
        return shown

    def act(self, call: Call, action: str) -> Reply:
        """Perform an action on instances, or return derived data."""
        found = call.world.require(call.target.id)
        known = {
            ("GET", "instanceview"): self._view,
            ("GET", "publicipaddresses"): public_addresses,
            ("POST", "setorchestrationservicestate"): self._set_service,
            ("POST", "manualupgrade"): self._upgrade,
            ("POST", "delete"): self._delete_some,
        }
        handler = known.get((call.request.method, action.lower()))
        if handler is not None:
            return handler(call, found)
        if call.request.method == "POST" and action.lower() in instance_actions.POWER:
            return instance_actions.power(call, self._chosen(call, found), action.lower())
        return super().act(call, action)

    def _view(self, call: Call, found: Resource) -> Reply:
        found.look()
        present = instances.instances_of(call.world, found)
        states = [f"ProvisioningState/{item.state.lower()}" for item in present]
        summary = [{"code": state, "count": states.count(state)} for state in sorted(set(states))]
        status = {
            "code": f"ProvisioningState/{found.state.lower()}",
            "level": "Info",
            "displayStatus": f"Provisioning {found.state.lower()}",
        }
        services = []
        if (found.properties.get("automaticRepairsPolicy") or {}).get("enabled"):
            services = [{"serviceName": _REPAIRS, "serviceState": found.private["repairs"]}]
        content = {
            "virtualMachine": {"statusesSummary": summary},
            "statuses": [status],
            "orchestrationServices": services,
        }
        return json_reply(200, content)

    def _set_service(self, call: Call, found: Resource) -> Reply:
        body = call.json()
        if set(body) != {"serviceName", "action"} or body["serviceName"] != _REPAIRS:
            raise bad("serviceName and action are required, and nothing else.", "InvalidParameter")
        if body["action"] not in _STATES:
            raise bad(f"action: {body['action']!r} is none of {list(_STATES)}", "InvalidParameter")
        if not (found.properties.get("automaticRepairsPolicy") or {}).get("enabled"):
            message = "Automatic repairs are not enabled on this scale set."
            raise ArmError(409, "OperationNotAllowed", message)

        def finish(status: Status) -> None:
            if status is Status.DONE:
                found.private["repairs"] = _STATES[body["action"]]

        return accepted(call, call.world.operations.start(finish, fault=call.fault))

    def _upgrade(self, call: Call, found: Resource) -> Reply:
        """Give instances the latest model; changes of the disk need a reimage."""
        chosen = self._chosen(call, found, required=True)

        def finish(status: Status) -> None:
            if status is Status.DONE:
                for instance in chosen:
                    _update(call, found, instance)

        return accepted(call, call.world.operations.start(finish, fault=call.fault))

    def _delete_some(self, call: Call, found: Resource) -> Reply:
        chosen = self._chosen(call, found, required=True)
        for instance in chosen:
            self.still(instance)
        return instance_actions.delete(call, found, chosen)

    def _chosen(self, call: Call, found: Resource, *, required: bool = False) -> list[Resource]:
        """Return the instances in a body, or all if it has none."""
        body = call.json()
        if set(body) - {"instanceIds", "tempDisk", "forceUpdateOSDiskForEphemeral"}:
            raise bad(f"{sorted(body)}: only instanceIds is known here.", "InvalidParameter")
        present = instances.instances_of(call.world, found)
        wanted = body.get("instanceIds")
        if not wanted and required:
            raise bad("Required parameter 'instanceIds' is missing (null).", "InvalidParameter")
        if not wanted or wanted == ["*"]:
            return present
        by_name = {item.name: item for item in present}
        if missing := sorted(set(wanted) - set(by_name)):
            message = f"The provided instanceId {', '.join(missing)} is not an active VM instance."
            raise bad(message, "InvalidParameter")
        return [by_name[name] for name in wanted]


def _update(call: Call, scale_set: Resource, instance: Resource) -> None:
    computer = instance.private["computer_name"]
    instance.private["model"] = instances.model_of(call.world, scale_set, computer)
    instance.private["version"] = scale_set.private["version"]


def _model(sent: dict[str, Any]) -> object:
    sku = sent.get("sku") or {}
    return sku.get("name"), sent.get("identity"), sent["properties"].get("virtualMachineProfile")


def _keep_custom_data(profile: dict[str, Any], before: dict[str, Any]) -> None:
    old = (before.get("osProfile") or {}).get("customData")
    if old is not None and profile.get("osProfile") is not None:
        profile["osProfile"].setdefault("customData", old)


def _scrubbed(content: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(content, dict):
        return {
            name: _scrubbed(value) for name, value in content.items() if name not in _WRITE_ONLY
        }
    return [_scrubbed(item) for item in content] if isinstance(content, list) else content
