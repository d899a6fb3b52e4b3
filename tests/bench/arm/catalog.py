"""Microsoft.Compute/skus: the sizes of each region.

Figures: MicrosoftDocs/azure-compute-docs, the pages of the sizes; missing sizes are invented.
"""

import re
from typing import Any, Final

from tests.bench.arm.calls import Call, plain
from tests.bench.arm.kinds import Kind
from tests.bench.azure.messages import Reply, json_reply

REGIONS: Final = ("eastus", "westeurope", "northeurope", "australiaeast", "newzealandnorth")
POOR_REGION: Final = "newzealandnorth"
"""A region without the sizes in `RARE`."""
RARE: Final = ("Standard_B2als_v2", "Standard_B2as_v2", "Standard_B1ms", "Standard_B2s")
# virtual CPUs, GiB, architecture, generations, Trusted Launch
_SIZES: Final = {
    "Standard_B1ms": (1, 2, "x64", "V1,V2", True),
    "Standard_B2s": (2, 4, "x64", "V1,V2", True),
    "Standard_B2ats_v2": (2, 1, "x64", "V1,V2", True),
    "Standard_B2als_v2": (2, 4, "x64", "V1,V2", True),
    "Standard_B2as_v2": (2, 8, "x64", "V1,V2", True),
    "Standard_B2ls_v2": (2, 4, "x64", "V1,V2", True),
    "Standard_B2ts_v2": (2, 1, "x64", "V1,V2", True),
    "Standard_B2s_v2": (2, 8, "x64", "V1,V2", True),
    "Standard_B2pls_v2": (2, 4, "Arm64", "V2", False),
    "Standard_B4als_v2": (4, 8, "x64", "V1,V2", True),
    "Standard_D2s_v3": (2, 8, "x64", "V1,V2", False),
    "Standard_D2as_v5": (2, 8, "x64", "V1,V2", True),
    "Standard_D2s_v5": (2, 8, "x64", "V1,V2", True),
    "Standard_D2as_v6": (2, 8, "x64", "V1,V2", True),
}
_FILTER: Final = re.compile(r"location eq '(?P<region>[^']*)'", re.IGNORECASE)


class Skus(Kind):
    """The list of sizes and other SKUs of this provider."""

    name = "Microsoft.Compute/skus"
    tracked = False
    more_versions = ("2021-07-01", "2019-04-01")

    def list(self, call: Call) -> Reply:
        """Return all SKUs, or those of one region."""
        match = _FILTER.search(call.request.parameter("$filter") or "")
        regions = [plain(match["region"])] if match else list(REGIONS)
        unavailable = call.world.knobs["unavailable_sizes"]
        found = [
            _shown(size, region, restricted=size in unavailable)
            for region in regions
            if region in REGIONS
            for size in _SIZES
            if offered(size, region)
        ]
        return json_reply(200, {"value": found})


def offered(size: str, location: str) -> bool:
    """Return whether a region has a size."""
    region = plain(location)
    return size in _SIZES and region in REGIONS and not (region == POOR_REGION and size in RARE)


def machine_of(size: str) -> tuple[int, int]:
    """Return virtual CPUs and MiB of RAM of a size."""
    cpus, memory, *_rest = _SIZES[size]
    return cpus, memory * 1024


def _shown(size: str, region: str, *, restricted: bool) -> dict[str, Any]:
    cpus, memory, architecture, generations, trusted = _SIZES[size]
    capabilities = {
        "vCPUs": str(cpus),
        "MemoryGB": str(memory),
        "CpuArchitectureType": architecture,
        "HyperVGenerations": generations,
        "PremiumIO": "True",
        "MaxResourceVolumeMB": "0",
    }
    if not trusted:
        capabilities["TrustedLaunchDisabled"] = "True"
    restriction = {
        "type": "Location",
        "values": [region],
        "restrictionInfo": {"locations": [region]},
        "reasonCode": "NotAvailableForSubscription",
    }
    return {
        "resourceType": "virtualMachines",
        "name": size,
        "tier": "Standard",
        "size": size.removeprefix("Standard_"),
        "family": "standardBasv2Family" if "_B" in size else "standardDASv5Family",
        "locations": [region],
        "locationInfo": [{"location": region, "zones": ["1", "2", "3"], "zoneDetails": []}],
        "capabilities": [{"name": name, "value": value} for name, value in capabilities.items()],
        "restrictions": [restriction] if restricted else [],
    }
