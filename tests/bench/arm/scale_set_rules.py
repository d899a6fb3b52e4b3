"""Rules for a scale set's body beyond its schema.

Sources: MicrosoftDocs/azure-compute-docs, virtual-machine-scale-sets-*; see also facts in
"orchestration modes", "automatic instance repairs".
"""

import base64
import binascii
import re
from typing import Any, Final

from tests.bench.arm.calls import Call
from tests.bench.arm.catalog import offered
from tests.bench.arm.errors import ArmError, bad, conflict
from tests.bench.arm.network import references
from tests.bench.arm.world import Resource

CUSTOM_DATA_BYTES: Final = 65_535
HEALTH: Final = "ApplicationHealthLinux"
_GRACE: Final = re.compile(r"PT(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?")
_GRACE_MINUTES: Final = range(10, 91)
_NOT_TRUSTED: Final = ("Standard_D2s_v3", "Standard_B2pls_v2")


def check(call: Call, body: dict[str, Any], old: Resource | None) -> None:
    """Refuse an invalid body.

    Raises:
        ArmError: 400 or 409.
    """
    properties = body.get("properties", {})
    _check_mode(properties, old)
    _check_size(call, body)
    profile = properties.get("virtualMachineProfile") or {}
    _check_login(profile.get("osProfile") or {})
    references(call, profile.get("networkProfile") or {})
    for identity in (body.get("identity") or {}).get("userAssignedIdentities") or {}:
        if call.world.find(identity) is None:
            message = f"Resource '{identity}' was not found."
            raise bad(message, "FailedIdentityOperation")
    _check_repairs(properties, profile, old)


def mode(properties: dict[str, Any]) -> str:
    """Return the orchestration mode; the default is Uniform."""
    return str(properties.get("orchestrationMode", "Uniform"))


def _check_mode(properties: dict[str, Any], old: Resource | None) -> None:
    if old is not None and mode(old.properties) != mode(properties):
        message = "Changing property 'orchestrationMode' is not allowed."
        raise conflict("PropertyChangeNotAllowed", message)
    if mode(properties) == "Uniform":
        if not (properties.get("upgradePolicy") or {}).get("mode"):
            raise bad(
                "Required parameter 'upgradePolicy.mode' is missing (null).", "InvalidParameter"
            )
        return
    if "platformFaultDomainCount" not in properties:
        message = "Required parameter 'platformFaultDomainCount' is missing (null)."
        raise bad(message, "InvalidParameter")
    for name in ("overprovision", "upgradePolicy"):
        if name in properties and properties[name] not in (False, {"mode": "Manual"}):
            message = f"The parameter '{name}' is not allowed with orchestrationMode Flexible."
            raise bad(message, "InvalidParameter")
    profile = properties.get("virtualMachineProfile") or {}
    if profile and not (profile.get("networkProfile") or {}).get("networkApiVersion"):
        message = "Required parameter 'networkApiVersion' is missing (null)."
        raise bad(message, "InvalidParameter")


def _check_size(call: Call, body: dict[str, Any]) -> None:
    size, location = (body.get("sku") or {}).get("name", ""), body.get("location", "")
    if not size:
        raise bad("Required parameter 'sku.name' is missing (null).", "InvalidParameter")
    if size in call.world.knobs["unavailable_sizes"] or not offered(size, location):
        message = (
            f"The requested VM size for resource 'Following SKUs have failed for Capacity "
            f"Restrictions: {size}' is currently not available in location '{location}'. Please "
            "try another size or deploy to a different location or different zone."
        )
        raise conflict("SkuNotAvailable", message)
    profile = body["properties"].get("virtualMachineProfile") or {}
    security = (profile.get("securityProfile") or {}).get("securityType")
    if security == "TrustedLaunch" and size in _NOT_TRUSTED:
        message = f"The VM size '{size}' is not supported for creation of VMs with 'TrustedLaunch'."
        raise bad(message, "BadRequest")


def _check_login(os_profile: dict[str, Any]) -> None:
    try:
        data = base64.b64decode(os_profile.get("customData") or "", validate=True)
    except binascii.Error as error:
        raise bad(
            "Custom data in OSProfile must be in Base64 encoding.", "InvalidParameter"
        ) from error
    if len(data) > CUSTOM_DATA_BYTES:
        message = f"Custom data in OSProfile must be at most {CUSTOM_DATA_BYTES} bytes."
        raise bad(message, "InvalidParameter")
    linux = os_profile.get("linuxConfiguration") or {}
    keys = (linux.get("ssh") or {}).get("publicKeys")
    if os_profile and linux.get("disablePasswordAuthentication") and not keys:
        message = "Authentication using either SSH or by user name and password must be enabled."
        raise bad(message, "InvalidParameter")


def _check_repairs(
    properties: dict[str, Any], profile: dict[str, Any], old: Resource | None
) -> None:
    policy = properties.get("automaticRepairsPolicy") or {}
    if not policy.get("enabled"):
        return
    extensions = (profile.get("extensionProfile") or {}).get("extensions") or []
    if not any((item.get("properties") or {}).get("type") == HEALTH for item in extensions):
        message = (
            "Automatic repairs not supported for this Virtual Machine Scale Set because a health "
            "probe or health extension was not specified."
        )
        raise bad(message, "BadRequest")
    match = _GRACE.fullmatch(policy.get("gracePeriod", "PT10M"))
    minutes = 60 * int(match["hours"] or 0) + int(match["minutes"] or 0) if match else 0
    if minutes not in _GRACE_MINUTES:
        message = "The automatic repairs grace period must be between PT10M and PT90M."
        raise bad(message, "InvalidParameter")
    before = (old.properties.get("automaticRepairsPolicy") or {}) if old else {}
    wanted = policy.get("repairAction", "Replace")
    if before.get("enabled") and before.get("repairAction", "Replace") != wanted:
        message = "The repair action cannot be changed while automatic repairs are enabled."
        raise ArmError(409, "OperationNotAllowed", message)
