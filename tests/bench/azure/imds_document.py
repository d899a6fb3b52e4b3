"""The instance metadata document, and the metadata service's navigation in it.

Shape: MicrosoftDocs/azure-compute-docs, instance-metadata-service.md. Every value is a string.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.bench.azure import LOCATION, RESOURCE_GROUP, SUBSCRIPTION_ID

SCALE_SET: Final = "bench-vmss"
NAME: Final = f"{SCALE_SET}_0"
_MAC: Final = "000D3A0B1C2D"
_VM_ID: Final = "8a1f3c5e-2b4d-4f60-9c7e-1d3b5a7f9e02"
# for requests over loopback, which come from no instance
_LOOPBACK_STANDS_FOR: Final = "10.0.1.4"

_IMAGE: Final = {
    "id": "",
    "offer": "ubuntu-24_04-lts",
    "publisher": "Canonical",
    "sku": "server",
    "version": "latest",
}
_OS_DISK: Final = {
    "caching": "ReadWrite",
    "createOption": "FromImage",
    "diffDiskSettings": {"option": ""},
    "diskSizeGB": "30",
    "encryptionSettings": {"enabled": "false"},
    "image": {"uri": ""},
    "managedDisk": {
        "storageAccountType": "StandardSSD_LRS",
    },
    "osType": "Linux",
    "vhd": {"uri": ""},
    "writeAcceleratorEnabled": "false",
}
_COMPUTE: Final[dict[str, Any]] = {
    "azEnvironment": "AzurePublicCloud",
    "customData": "",
    "evictionPolicy": "",
    "extendedLocation": {"name": "", "type": ""},
    "host": {"id": ""},
    "hostGroup": {"id": ""},
    "isHostCompatibilityLayerVm": "false",
    "isVmInStandbyPool": "false",
    "licenseType": "",
    "location": LOCATION,
    "offer": _IMAGE["offer"],
    "osProfile": {
        "adminUsername": "azureuser",
        "computerName": "bot",
        "disablePasswordAuthentication": "true",
    },
    "osType": "Linux",
    "placementGroupId": "",
    "plan": {"name": "", "product": "", "publisher": ""},
    "platformFaultDomain": "0",
    "platformSubFaultDomain": "",
    "platformUpdateDomain": "0",
    "priority": "Regular",
    "provider": "Microsoft.Compute",
    "publicKeys": [],
    "publisher": _IMAGE["publisher"],
    "securityProfile": {
        "encryptionAtHost": "false",
        "secureBootEnabled": "true",
        "securityType": "TrustedLaunch",
        "virtualTpmEnabled": "true",
    },
    "sku": _IMAGE["sku"],
    "storageProfile": {
        "dataDisks": [],
        "imageReference": {**_IMAGE, "exactVersion": "24.04.202611010"},
        "osDisk": _OS_DISK,
        "resourceDisk": {"size": "0"},
    },
    "subscriptionId": SUBSCRIPTION_ID,
    "tags": "bot:bench",
    "tagsList": [{"name": "bot", "value": "bench"}],
    "userData": "",
    "version": "24.04.202611010",
    "vmSize": "Standard_B2als_v2",
    "zone": "",
}


@dataclass(frozen=True, slots=True)
class Instance:
    """The properties that differ between instances.

    Args:
        name: of the virtual machine, as in its resource id.
        vm_id: also the UUID in its firmware.
        hostname: its computer name.
        mac: its MAC address, twelve hex digits.
        group, scale_set: the ones it belongs to.
    """

    name: str = NAME
    vm_id: str = _VM_ID
    hostname: str = "bot"
    mac: str = _MAC
    group: str = RESOURCE_GROUP
    scale_set: str = SCALE_SET


def document(client: str, instance: Instance, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole document for the instance at ``client``.

    Args:
        client: the requesting instance's IPv4 address, also its private address in the document.
        instance: the instance at that address.
        overrides: merged over the document; mappings merge, other values replace.
    """
    address = _LOOPBACK_STANDS_FOR if ipaddress.ip_address(client).is_loopback else client
    subnet = ipaddress.ip_network(f"{address}/24", strict=False)
    interface = {
        "ipv4": {
            # Azure often omits a standard public address here: see load_balancer
            "ipAddress": [{"privateIpAddress": address, "publicIpAddress": ""}],
            "subnet": [{"address": str(subnet.network_address), "prefix": "24"}],
        },
        "ipv6": {"ipAddress": []},
        "macAddress": instance.mac,
    }
    compute = _merged(_COMPUTE, _own(instance))
    return _merged({"compute": compute, "network": {"interface": [interface]}}, overrides)


def _own(instance: Instance) -> dict[str, Any]:
    disk = f"{instance.name}_OsDisk"
    group = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{instance.group}"
    compute = f"{group}/providers/Microsoft.Compute"
    managed = {"id": f"{compute}/disks/{disk}"}
    return {
        "name": instance.name,
        "osProfile": {"computerName": instance.hostname},
        "resourceGroupName": instance.group,
        "resourceId": f"{compute}/virtualMachines/{instance.name}",
        "storageProfile": {"osDisk": {"name": disk, "managedDisk": managed}},
        "virtualMachineScaleSet": {"id": f"{compute}/virtualMachineScaleSets/{instance.scale_set}"},
        "vmId": instance.vm_id,
        "vmScaleSetName": instance.scale_set,
    }


def load_balancer(client: str) -> dict[str, Any]:
    """Return ``/metadata/loadbalancer``, which contains the public address, if any."""
    address = _LOOPBACK_STANDS_FOR if ipaddress.ip_address(client).is_loopback else client
    public = {"frontendIpAddress": "203.0.113.17", "privateIpAddress": address}
    return {
        "loadbalancer": {
            "publicIpAddresses": [public],
            "inboundRules": [],
            "outboundRules": [],
        }
    }


def descend(node: object, steps: list[str]) -> object:
    """Follow a path such as ``["network", "interface", "0"]``.

    Raises:
        KeyError: the path does not exist.
    """
    for step in steps:
        if isinstance(node, dict) and step in node:
            node = node[step]
        elif isinstance(node, list) and step.isdecimal() and int(step) < len(node):
            node = node[int(step)]
        else:
            raise KeyError(step)
    return node


def listing(node: dict[str, Any] | list[Any]) -> str:
    """Return an inner node as ``format=text``: its children, inner ones with a slash."""
    children = node.items() if isinstance(node, dict) else enumerate(node)
    return "\n".join(f"{name}{'/' * isinstance(child, dict | list)}" for name, child in children)


def _merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in overrides.items():
        inner = merged.get(name)
        if isinstance(value, dict) and isinstance(inner, dict):
            merged[name] = _merged(inner, value)
        else:
            merged[name] = value
    return merged
