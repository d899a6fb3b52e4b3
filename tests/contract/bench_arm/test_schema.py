"""The checker on the extract of Microsoft's schemas: every renamed key is found."""

import copy
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.bench.arm.extract_schemas import WANTED
from tests.bench.arm.providers import KINDS as ANSWERED
from tests.bench.arm.schema import Body, schemas
from tests.contract.bench_arm.conftest import BODIES

PLACEHOLDER: Final = "00000000-0000-0000-0000-000000000000"
COMPUTE: Final = "Microsoft.Compute"
INSIGHTS: Final = "Microsoft.Insights"
LOGS: Final = "Microsoft.OperationalInsights/workspaces"
STORAGE: Final = "Microsoft.Storage/storageAccounts"
VAULTS: Final = "Microsoft.RecoveryServices/vaults"
BACKUP: Final = f"{VAULTS}/backupFabrics/protectionContainers"
KINDS: Final = {
    "actiongroup": (f"{INSIGHTS}/actionGroups", "ag"),
    "alert_availability": (f"{INSIGHTS}/metricAlerts", "a"),
    "alert_cpu": (f"{INSIGHTS}/metricAlerts", "a"),
    "alert_disk": (f"{INSIGHTS}/scheduledQueryRules", "a"),
    "alert_memory": (f"{INSIGHTS}/metricAlerts", "a"),
    "backup_config": (f"{VAULTS}/backupconfig", "v/vaultconfig"),
    "backup_container": (BACKUP, "v/Azure/c"),
    "backup_item": (f"{BACKUP}/protectedItems", "v/Azure/c/i"),
    "backup_policy": (f"{VAULTS}/backupPolicies", "v/p"),
    "backup_redundancy": (f"{VAULTS}/backupstorageconfig", "v/vaultstorageconfig"),
    "blob_container": (f"{STORAGE}/blobServices/containers", "st/default/backups"),
    "blob_service": (f"{STORAGE}/blobServices", "st/default"),
    "dce": (f"{INSIGHTS}/dataCollectionEndpoints", "dce"),
    "dcr": (f"{INSIGHTS}/dataCollectionRules", "dcr"),
    "dcra": (f"{INSIGHTS}/dataCollectionRuleAssociations", "a"),
    "fileservice": (f"{STORAGE}/fileServices", "st/default"),
    "identity": ("Microsoft.ManagedIdentity/userAssignedIdentities", "bot"),
    "keyvault": ("Microsoft.KeyVault/vaults", "kv-bots"),
    "management_policy": (f"{STORAGE}/managementPolicies", "st/default"),
    "nsg": ("Microsoft.Network/networkSecurityGroups", "nsg"),
    "pipprefix": ("Microsoft.Network/publicIPPrefixes", "pfx"),
    "roleassignment": ("Microsoft.Authorization/roleAssignments", PLACEHOLDER),
    "share": (f"{STORAGE}/fileServices/shares", "st/default/b"),
    "storage": (STORAGE, "stbots"),
    "vault": (VAULTS, "vault"),
    "vm_extension": (f"{COMPUTE}/virtualMachines/extensions", "bot/monitor"),
    "vmss_extension": (f"{COMPUTE}/virtualMachineScaleSets/extensions", "bot/health"),
    "vmss_flex": (f"{COMPUTE}/virtualMachineScaleSets", "bot"),
    "vmss_uniform": (f"{COMPUTE}/virtualMachineScaleSets", "bot"),
    "vnet": ("Microsoft.Network/virtualNetworks", "vnet"),
    "workspace": (LOGS, "law-bots"),
    "workspace_table": (f"{LOGS}/tables", "law-bots/Clawbot_CL"),
}
# objects whose keys are names, not properties
MAPS: Final = {"userAssignedIdentities", "tags", "metadata"}
VERSIONED: Final = [
    (sample, version) for sample, (kind, _) in KINDS.items() for version in schemas().versions(kind)
]
each_sample = pytest.mark.parametrize(("sample", "version"), VERSIONED)


def body(sample: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((BODIES / f"{sample}.json").read_text())


def problems(sample: str, version: str, content: object, *, partial: bool = False) -> list[str]:
    type_name, name = KINDS[sample]
    return schemas().problems(Body(type_name, version, tuple(name.split("/")), content, partial))


def latest(sample: str) -> str:
    return schemas().versions(KINDS[sample][0])[-1]


def renamed(content: Any, path: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - JSON
    """Yield each key's path and a copy of the content in which only that key is renamed."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in list(items):
        where = f"{path}.{key}"
        if isinstance(content, dict) and path.rpartition(".")[2] not in MAPS:
            changed = {
                (f"{name}X" if name == key else name): item for name, item in content.items()
            }
            yield where, changed
        if isinstance(value, dict | list):
            for inner, below in renamed(value, where):
                whole = copy.copy(content)
                whole[key] = below
                yield inner, whole


def test_every_sample_is_tested() -> None:
    assert sorted(path.stem for path in BODIES.glob("*.json")) == sorted(KINDS)
    assert {sample for sample, _ in VERSIONED} == set(KINDS)


def test_every_extracted_type_is_used() -> None:
    used = {kind for kind, _ in KINDS.values()} | {kind.name for kind in ANSWERED}
    assert {kind for types in WANTED.values() for kind in types} - used == set()


@each_sample
def test_sample_is_valid(sample: str, version: str) -> None:
    assert problems(sample, version, body(sample)) == []


@each_sample
def test_every_renamed_key_is_found(sample: str, version: str) -> None:
    mutations = list(renamed(body(sample)))
    assert mutations
    for partial in (False, True):
        missed = [
            path
            for path, changed in mutations
            if not problems(sample, version, changed, partial=partial)
        ]
        assert missed == []


@pytest.mark.parametrize(
    ("sample", "path", "value"),
    [
        ("vmss_uniform", ("sku", "capacity"), "1"),
        ("vmss_uniform", ("properties", "provisioningState"), "Succeeded"),
        ("vmss_uniform", ("properties", "automaticRepairsPolicy", "repairAction"), "Repair"),
        ("vmss_uniform", ("properties", "overprovision"), 1),
        ("storage", ("kind",), "StorageV9"),
        ("storage", ("properties", "allowSharedKeyAccess"), "false"),
        ("keyvault", ("properties", "vaultUri"), 7),
        ("nsg", ("properties", "securityRules"), {}),
        ("roleassignment", ("properties", "principalId"), None),
        ("identity", ("principalId",), "x"),
        ("identity", ("type",), "Microsoft.Network/virtualNetworks"),
        ("identity", ("name",), "other"),
        ("identity", ("apiVersion",), "2023-01-31"),
        ("identity", ("resources",), []),
        ("identity", ("tags",), {"bot": 1}),
    ],
)
def test_invalid_value_is_found(sample: str, path: tuple[str, ...], value: object) -> None:
    content = body(sample)
    target = content
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    assert problems(sample, latest(sample), content) != []


@each_sample
def test_patch_body_needs_no_required_keys(sample: str, version: str) -> None:
    assert problems(sample, version, {}, partial=True) == []


@pytest.mark.parametrize("name", ["ab", "UPPER", "a-dash", "a" * 25])
def test_invalid_name_is_found(name: str) -> None:
    given = Body("Microsoft.Storage/storageAccounts", "2025-01-01", (name,), body("storage"))
    assert schemas().problems(given) != []


def test_versions_are_known() -> None:
    assert schemas().versions("microsoft.compute/VIRTUALMACHINESCALESETS") == ("2024-07-01",)
    assert schemas().versions("Microsoft.Nothing/things") == ()
