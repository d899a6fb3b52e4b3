"""GET bodies and instance views of instances."""

from typing import Any, Final

from tests.bench.arm.calls import Call
from tests.bench.arm.instances import FLEXIBLE, UNIFORM, handle, instances_of, scale_set_of
from tests.bench.arm.world import Resource
from tests.bench.azure.messages import Reply, json_reply

_INFO: Final = "Info"
_CLOUD: Final = "cloudapp.azure.com"


def body(call: Call, instance: Resource) -> dict[str, Any]:
    """Return the body of an instance's GET."""
    private = instance.private
    model = private["model"]
    scale_set = scale_set_of(call.world, instance)
    properties: dict[str, Any] = {
        "vmId": private["vm_id"],
        "provisioningState": instance.state,
        "hardwareProfile": {"vmSize": model.size},
        "storageProfile": model.profile.get("storageProfile", {}),
        "securityProfile": model.profile.get("securityProfile", {}),
        "diagnosticsProfile": model.profile.get("diagnosticsProfile", {}),
        "osProfile": {"computerName": private["computer_name"]},
    }
    shown: dict[str, Any] = {
        "id": instance.id,
        "name": private["name"],
        "type": instance.type_name,
        "location": model.location,
        "tags": dict(model.tags),
        "properties": properties,
    }
    if instance.type_name == UNIFORM:
        latest = private["version"] == scale_set.private["version"]
        properties.update(latestModelApplied=latest, instanceId=instance.name)
        shown.update(instanceId=instance.name, sku={"name": model.size, "tier": "Standard"})
        interface = f"{instance.id}/networkInterfaces/nic"
        properties["networkProfile"] = {"networkInterfaces": [{"id": interface}]}
    else:
        properties["virtualMachineScaleSet"] = {"id": scale_set.id}
        interfaces = [{"id": identifier} for identifier in private["interfaces"]]
        properties["networkProfile"] = {"networkInterfaces": interfaces}
    if "instanceview" in (call.request.parameter("$expand") or "").lower():
        properties["instanceView"] = view(call, instance)
    return shown


def view(call: Call, instance: Resource) -> dict[str, Any]:
    """Return the instance view: power, and the report of the health extension."""
    power = instance.private["power"]
    state = instance.state.lower()
    running, machines = power == "running", call.world.machines
    health = machines.health(handle(instance)) if running else "Unknown"
    metrics = machines.metrics(handle(instance)) if running else ""
    return {
        "computerName": instance.private["computer_name"],
        "statuses": [_status(f"ProvisioningState/{state}"), _status(f"PowerState/{power}")],
        "vmHealth": {"status": _status(f"HealthState/{health.lower()}")},
        "extensions": [_health_extension(health, metrics)],
        "vmAgent": {
            "vmAgentVersion": "2.15.0.1",
            "statuses": [_status("ProvisioningState/succeeded")],
        },
    }


def _health_extension(health: str, metrics: str) -> dict[str, Any]:
    """Return the health extension's report in the format of version 2.0.29."""
    application = _status(f"ComponentStatus/ApplicationHealthState/{health.lower()}")
    substatuses = [{**application, "message": f"Application health state: {health}"}]
    if metrics:
        substatuses.append(
            {**_status("ComponentStatus/CustomMetrics/succeeded"), "message": metrics}
        )
    return {
        "name": "HealthExtension",
        "type": "Microsoft.ManagedServices.ApplicationHealthLinux",
        "typeHandlerVersion": "2.0.29",
        "substatuses": substatuses,
        "statuses": [_status("ProvisioningState/succeeded")],
    }


def public_addresses(call: Call, scale_set: Resource) -> Reply:
    """Return the public addresses of a Uniform scale set's instances."""
    found = []
    for instance in instances_of(call.world, scale_set):
        if instance.type_name == FLEXIBLE:
            continue
        for nic, ip, public in _configured(instance.private["model"].profile):
            path = f"networkInterfaces/{nic}/ipConfigurations/{ip}/publicIPAddresses"
            settings = public.get("properties") or {}
            properties: dict[str, Any] = {
                "provisioningState": "Succeeded",
                "publicIPAddressVersion": "IPv4",
                "publicIPAllocationMethod": "Dynamic",
                "idleTimeoutInMinutes": settings.get("idleTimeoutInMinutes", 4),
                "ipAddress": call.world.machines.address(handle(instance)),
                "ipConfiguration": {"id": f"{instance.id}/{path.rpartition('/')[0]}"},
            }
            if label := (settings.get("dnsSettings") or {}).get("domainNameLabel"):
                where = scale_set.content["location"]
                fqdn = f"vm{instance.name}.{label}.{where}.{_CLOUD}"
                names = {"domainNameLabel": f"vm{instance.name}.{label}", "fqdn": fqdn}
                properties["dnsSettings"] = names
            identifier = f"{instance.id}/{path}/{public['name']}"
            found.append({"name": public["name"], "id": identifier, "properties": properties})
    return json_reply(200, {"value": found})


def _configured(profile: Any) -> list[tuple[str, str, dict[str, Any]]]:  # noqa: ANN401 - JSON
    network = profile.get("networkProfile") or {}
    return [
        (nic["name"], ip["name"], ip["properties"]["publicIPAddressConfiguration"])
        for nic in network.get("networkInterfaceConfigurations") or []
        for ip in nic["properties"].get("ipConfigurations") or []
        if ip["properties"].get("publicIPAddressConfiguration")
    ]


def _status(code: str) -> dict[str, str]:
    words = code.rpartition("/")[2]
    return {"code": code, "level": _INFO, "displayStatus": words}
