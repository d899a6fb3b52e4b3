"""The scale set: one Ubuntu instance that sets itself up as the bot and that Azure repairs."""

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from clawbot_agent.core.constants import HEALTH_PORT
from clawbot_controller.deployment.file import Deployment
from clawbot_controller.deployment.names import BotNames, SharedNames
from clawbot_controller.model.resource import Body, Resource

ADMIN: Final = "clawbot"
# tag with a digest of the whole model, including what Azure does not return
FINGERPRINT_TAG: Final = "clawbot-model"
KEY_PATH: Final = "properties.virtualMachineProfile.osProfile.linuxConfiguration.ssh"
# a uniform set's addresses follow its load balancer's SKU, and Azure may refuse another one
_ADDRESS_SKU: Final = (
    "properties.virtualMachineProfile.networkProfile.networkInterfaceConfigurations"
    ".properties.ipConfigurations.properties.publicIPAddressConfiguration.sku"
)
# a gateway that hangs is reported within 90 s (docs/reference/health.md)
_PROBE_SECONDS: Final = 5
_PROBES: Final = 3
# upper bound for cloud-init and the agent's installation, before its run begins
_BOOT_SECONDS: Final = 1800
# automatic repairs wait 10 to 90 minutes
_SHORTEST_GRACE: Final = 10
_ACTIONS: Final = {"reimage": "Reimage", "replace": "Replace", "restart": "Restart"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleSetParts:
    """Inputs that do not follow from the deployment alone.

    Attributes:
        custom_data: text for cloud-init.
        digest: of the custom data, independent of its compression.
        public_key: in OpenSSH format; the private key is discarded.
    """

    custom_data: str
    digest: str
    public_key: str


def scale_set(names: BotNames, deployment: Deployment, parts: ScaleSetParts) -> Resource:
    """Return the scale set with one instance."""
    target = deployment.target
    body = {
        "location": target.region,
        "sku": {"name": target.vm_size, "tier": "Standard", "capacity": 1},
        "identity": {
            "type": "UserAssigned",
            "userAssignedIdentities": {names.identity_id: {}},
        },
        "properties": {
            **_orchestration(deployment),
            "automaticRepairsPolicy": _repairs(deployment),
            "virtualMachineProfile": _profile(names, deployment, parts),
        },
    }
    path = "properties.virtualMachineProfile.osProfile.customData"
    return Resource(
        id=names.scale_set_id,
        body={**body, "tags": {FINGERPRINT_TAG: _fingerprint(body, parts)}},
        description=f"scale set ({target.orchestration}) with one {target.vm_size}, Ubuntu 24.04",
        write_only=frozenset({path}),
        create_only=frozenset({KEY_PATH}),
        optional=frozenset({_ADDRESS_SKU}),
    )


def _fingerprint(body: Body, parts: ScaleSetParts) -> str:
    # without the key, which differs each time it is generated
    text = json.dumps(body, sort_keys=True).replace(json.dumps(parts.public_key), '""')
    text = text.replace(_encoded(parts.custom_data), parts.digest)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _orchestration(deployment: Deployment) -> Body:
    common = {"platformFaultDomainCount": 1, "singlePlacementGroup": False}
    if deployment.target.orchestration == "flexible":
        return {"orchestrationMode": "Flexible", **common}
    return {
        "orchestrationMode": "Uniform",
        **common,
        "overprovision": False,
        # the instance gets a new model when the operator runs `reimage`
        "upgradePolicy": {"mode": "Manual"},
    }


def _repairs(deployment: Deployment) -> Body:
    if deployment.target.repair == "none":
        return {"enabled": False}
    minutes = max(_SHORTEST_GRACE, -(-deployment.config.limits.run_deadline // 60))
    return {
        "enabled": True,
        # a first boot must not be mistaken for a failure
        "gracePeriod": f"PT{minutes}M",
        "repairAction": _ACTIONS[deployment.target.repair],
    }


def _profile(names: BotNames, deployment: Deployment, parts: ScaleSetParts) -> Body:
    return {
        "osProfile": _system(names, parts),
        "storageProfile": _disk(deployment),
        "networkProfile": _network(names, deployment),
        "securityProfile": {
            "securityType": "TrustedLaunch",
            "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True},
        },
        "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
        "scheduledEventsProfile": {
            "terminateNotificationProfile": {"enable": True, "notBeforeTimeout": "PT5M"}
        },
        "extensionProfile": {"extensions": [_health(deployment)]},
    }


def _system(names: BotNames, parts: ScaleSetParts) -> Body:
    keys = [{"path": f"/home/{ADMIN}/.ssh/authorized_keys", "keyData": parts.public_key}]
    return {
        "computerNamePrefix": names.computer_prefix,
        "adminUsername": ADMIN,
        "customData": _encoded(parts.custom_data),
        "linuxConfiguration": {
            "disablePasswordAuthentication": True,
            "provisionVMAgent": True,
            "ssh": {"publicKeys": keys},
        },
    }


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _disk(deployment: Deployment) -> Body:
    return {
        "imageReference": {
            "publisher": "Canonical",
            "offer": "ubuntu-24_04-lts",
            "sku": "server",
            "version": "latest",
        },
        "osDisk": {
            "createOption": "FromImage",
            "caching": "ReadWrite",
            "diskSizeGB": deployment.target.disk_gib,
            "managedDisk": {"storageAccountType": "StandardSSD_LRS"},
        },
    }


def _network(names: BotNames, deployment: Deployment) -> Body:
    flexible = deployment.target.orchestration == "flexible"
    ip = {
        "name": "ip",
        "properties": {
            "primary": True,
            "subnet": {"id": SharedNames(names.place).subnet_id},
            "publicIPAddressConfiguration": _address(names, deployment),
        },
    }
    interface = {"name": "nic", "properties": {"primary": True, "ipConfigurations": [ip]}}
    profile: dict[str, Any] = {"networkInterfaceConfigurations": [interface]}
    # required in flexible mode, where the scale set creates the interfaces
    return {**profile, "networkApiVersion": "2020-11-01"} if flexible else profile


def _address(names: BotNames, deployment: Deployment) -> Body:
    target = deployment.target
    properties: dict[str, Any] = {"idleTimeoutInMinutes": 15}
    if target.orchestration == "flexible":
        properties["deleteOption"] = "Delete"
    if target.dns_label is not None:
        properties["dnsSettings"] = {"domainNameLabel": target.dns_label}
    if target.address == "prefix":
        properties["publicIPPrefix"] = {"id": names.prefix_id}
    # Basic addresses are retired since 2025-09-30
    sku = {"name": "Standard", "tier": "Regional"}
    return {"name": "address", "sku": sku, "properties": properties}


def _health(deployment: Deployment) -> Body:
    return {
        "name": "health",
        "properties": {
            "publisher": "Microsoft.ManagedServices",
            "type": "ApplicationHealthLinux",
            "typeHandlerVersion": "2.0",
            "autoUpgradeMinorVersion": True,
            "enableAutomaticUpgrade": True,
            "settings": {
                # not through Caddy: the extension does not follow its redirect to HTTPS
                "protocol": "http",
                "port": HEALTH_PORT,
                "requestPath": "/health/azure",
                "intervalInSeconds": _PROBE_SECONDS,
                "numberOfProbes": _PROBES,
                "gracePeriod": deployment.config.limits.run_deadline + _BOOT_SECONDS,
            },
        },
    }
