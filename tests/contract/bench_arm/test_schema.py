"""The checker, proved on Microsoft's own schemas: every renamed key is found."""

import copy
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.bench.arm.schema import Body, schemas

SAMPLES: Final = schemas().folder / "sample-bodies"
NOBODY: Final = "00000000-0000-0000-0000-000000000000"
INSIGHTS: Final = "Microsoft.Insights"
BACKUP: Final = "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers"
KINDS: Final = {
    "actiongroup": (f"{INSIGHTS}/actionGroups", "2023-01-01", "ag"),
    "alert_avail": (f"{INSIGHTS}/metricAlerts", "2018-03-01", "a"),
    "alert_cpu": (f"{INSIGHTS}/metricAlerts", "2018-03-01", "a"),
    "alert_disk": (f"{INSIGHTS}/scheduledQueryRules", "2021-08-01", "a"),
    "alert_mem": (f"{INSIGHTS}/metricAlerts", "2018-03-01", "a"),
    "backup_container": (BACKUP, "2025-02-01", "v/Azure/c"),
    "backup_item": (f"{BACKUP}/protectedItems", "2025-02-01", "v/Azure/c/i"),
    "backuppolicy_afs": ("Microsoft.RecoveryServices/vaults/backupPolicies", "2025-02-01", "v/p"),
    "dcr": (f"{INSIGHTS}/dataCollectionRules", "2022-06-01", "dcr"),
    "dcra": (f"{INSIGHTS}/dataCollectionRuleAssociations", "2022-06-01", "a"),
    "fileservice": ("Microsoft.Storage/storageAccounts/fileServices", "2025-01-01", "st/default"),
    "identity": ("Microsoft.ManagedIdentity/userAssignedIdentities", "2023-01-31", "bot"),
    "keyvault": ("Microsoft.KeyVault/vaults", "2023-07-01", "kv-bots"),
    "nsg": ("Microsoft.Network/networkSecurityGroups", "2024-05-01", "nsg"),
    "pipprefix": ("Microsoft.Network/publicIPPrefixes", "2024-05-01", "pfx"),
    "roleassignment": ("Microsoft.Authorization/roleAssignments", "2022-04-01", NOBODY),
    "share": (
        "Microsoft.Storage/storageAccounts/fileServices/shares",
        "2025-01-01",
        "st/default/b",
    ),
    "storage": ("Microsoft.Storage/storageAccounts", "2025-01-01", "stbots"),
    "vault": ("Microsoft.RecoveryServices/vaults", "2025-02-01", "vault"),
    "vmss_flex": ("Microsoft.Compute/virtualMachineScaleSets", "2024-07-01", "bot"),
    "vmss_uniform": ("Microsoft.Compute/virtualMachineScaleSets", "2024-07-01", "bot"),
    "vnet": ("Microsoft.Network/virtualNetworks", "2024-05-01", "vnet"),
    "workspace": ("Microsoft.OperationalInsights/workspaces", "2023-09-01", "law-bots"),
}
# whose keys are names and no properties
MAPS: Final = {"userAssignedIdentities", "tags"}
each_sample = pytest.mark.parametrize("sample", KINDS)


def body(sample: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((SAMPLES / f"{sample}.json").read_text())


def problems(sample: str, content: object, *, partial: bool = False) -> list[str]:
    type_name, version, name = KINDS[sample]
    given = Body(type_name, version, tuple(name.split("/")), content, partial)
    return schemas().problems(given)


def renamed(content: Any, path: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - JSON
    """Each key's path, and a copy of everything in which it alone has another name."""
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


def test_no_sample_is_left_out() -> None:
    assert sorted(path.stem for path in SAMPLES.glob("*.json")) == sorted(KINDS)


@each_sample
def test_a_sample_is_good_as_it_is(sample: str) -> None:
    assert problems(sample, body(sample)) == []


@each_sample
def test_every_renamed_key_is_found(sample: str) -> None:
    mutations = list(renamed(body(sample)))
    assert mutations
    for partial in (False, True):
        missed = [
            path for path, changed in mutations if not problems(sample, changed, partial=partial)
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
def test_a_bad_value_is_found(sample: str, path: tuple[str, ...], value: object) -> None:
    content = body(sample)
    target = content
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    assert problems(sample, content) != []


@each_sample
def test_the_body_of_a_patch_lacks_what_it_likes(sample: str) -> None:
    assert problems(sample, {}, partial=True) == []


@pytest.mark.parametrize("name", ["ab", "UPPER", "a-dash", "a" * 25])
def test_a_bad_name_is_found(name: str) -> None:
    given = Body("Microsoft.Storage/storageAccounts", "2025-01-01", (name,), body("storage"))
    assert schemas().problems(given) != []


def test_versions_are_known() -> None:
    assert schemas().versions("microsoft.compute/VIRTUALMACHINESCALESETS") == ("2024-07-01",)
    assert schemas().versions("Microsoft.Nothing/things") == ()
