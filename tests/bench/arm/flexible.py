"""The separate resources of a Flexible scale set's instance."""

from typing import Any, Final

from tests.bench.arm.world import SUCCEEDED, Resource, World

INTERFACES: Final = "Microsoft.Network/networkInterfaces"
ADDRESSES: Final = "Microsoft.Network/publicIPAddresses"
DISKS: Final = "Microsoft.Compute/disks"


def belongings(world: World, instance: Resource) -> None:
    """Create its disk, its network interfaces and their public addresses."""
    group = instance.id.partition("/providers/")[0]
    name, location = instance.private["name"], instance.content["location"]
    profile = instance.private["model"].profile

    def make(type_name: str, what: str, properties: dict[str, Any], **more: object) -> str:
        identifier = f"{group}/providers/{type_name}/{what}"
        content = {"location": location, **more, "properties": properties}
        world.add(Resource(identifier, type_name, content, SUCCEEDED, world.clock()))
        return identifier

    disk = (profile.get("storageProfile") or {}).get("osDisk") or {}
    kept = [make(DISKS, f"{name}_OsDisk_1", {"diskSizeGB": disk.get("diskSizeGB", 30)})]
    interfaces = []
    network = profile.get("networkProfile") or {}
    for nic in network.get("networkInterfaceConfigurations") or []:
        configurations = []
        for ip in nic["properties"].get("ipConfigurations") or []:
            properties: dict[str, Any] = {"subnet": ip["properties"]["subnet"], "primary": True}
            public = ip["properties"].get("publicIPAddressConfiguration")
            if public:
                address = make(
                    ADDRESSES,
                    f"{public['name']}-{name}",
                    {"publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4"},
                    sku=public.get("sku", {"name": "Standard", "tier": "Regional"}),
                )
                properties["publicIPAddress"] = {"id": address}
                if (public.get("properties") or {}).get("deleteOption") == "Delete":
                    kept.append(address)
            configurations.append({"name": ip["name"], "properties": properties})
        body = {"ipConfigurations": configurations, "virtualMachine": {"id": instance.id}}
        if group_id := nic["properties"].get("networkSecurityGroup"):
            body["networkSecurityGroup"] = group_id
        interfaces.append(make(INTERFACES, f"{nic['name']}-{name}", body))
    instance.private["interfaces"] = interfaces
    # an address without deleteOption outlives its instance and is still billed
    instance.private["belongings"] = [*kept, *interfaces]


def forget_belongings(world: World, instance: Resource) -> None:
    """Delete the resources that are deleted with an instance."""
    for identifier in instance.private.get("belongings", ()):
        world.remove(identifier)
