"""Life cycles of resources that the other tests do not cover."""

import threading

import pytest

from tests.bench.arm.fake import FakeArm
from tests.bench.arm.machines import InMemoryMachines
from tests.contract.bench_arm.conftest import GROUP, Client, at, sample

SETS = "Microsoft.Compute/virtualMachineScaleSets"
BOT = at(SETS, "bot")


def test_network_includes_its_children(ground: Client) -> None:
    vnet = at("Microsoft.Network/virtualNetworks", "vnet")
    nsg = at("Microsoft.Network/networkSecurityGroups", "nsg")
    ground.make(f"{vnet}/subnets/second", {"properties": {"addressPrefix": "10.0.2.0/24"}})
    names = [item["name"] for item in ground.ask("GET", vnet).json["properties"]["subnets"]]
    assert names == ["default", "second"]
    # a child that a new body does not list is deleted
    ground.make(vnet, sample("vnet"))
    names = [item["name"] for item in ground.ask("GET", f"{vnet}/subnets").json["value"]]
    assert names == ["default"]
    rules = ground.ask("GET", f"{nsg}/securityRules").json["value"]
    assert [item["name"] for item in rules] == ["web"]


@pytest.mark.parametrize("mode", ["uniform", "flex"])
def test_deleting_an_instance_lowers_the_capacity(ground: Client, mode: str) -> None:
    before = ground.arm.resources()
    ground.make(BOT, sample(f"vmss_{mode}"))
    [instance] = ground.ask("GET", f"{BOT}/virtualMachines").json["value"]
    ground.follow(ground.ask("DELETE", instance["id"]))
    assert ground.ask("GET", BOT).json["sku"]["capacity"] == 0
    left = [item for item in ground.arm.resources() if item not in before]
    assert left == [BOT]
    assert ground.ask("GET", f"{BOT}/virtualMachines").json["value"] == []


def test_flexible_instance_has_an_address(ground: Client) -> None:
    """An address without deleteOption outlives the instance."""
    body = sample("vmss_flex")
    [nic] = body["properties"]["virtualMachineProfile"]["networkProfile"][
        "networkInterfaceConfigurations"
    ]
    public = nic["properties"]["ipConfigurations"][0]["properties"]["publicIPAddressConfiguration"]
    del public["properties"]["deleteOption"]
    ground.make(BOT, body)
    addresses = at("Microsoft.Network/publicIPAddresses")
    [address] = ground.ask("GET", addresses).json["value"]
    assert address["properties"]["ipAddress"].startswith("203.0.113.")
    ground.follow(ground.ask("DELETE", BOT))
    assert len(ground.ask("GET", addresses).json["value"]) == 1


def test_patch_keeps_the_custom_data(ground: Client) -> None:
    machines = ground.arm.machines
    assert isinstance(machines, InMemoryMachines)
    ground.make(BOT, sample("vmss_uniform"))
    ground.follow(ground.ask("PATCH", BOT, {"tags": {"bot": "alice"}}))
    for capacity in (0, 1):
        body = {"sku": {"name": "Standard_B2als_v2", "capacity": capacity}}
        ground.follow(ground.ask("PATCH", BOT, body))
        ground.arm.settle()
    [model] = machines.running.values()
    assert model.custom_data == b"#cloud-config\n"
    assert model.tags == {"bot": "alice"}


def test_new_model_applies_after_upgrade(ground: Client) -> None:
    ground.make(BOT, sample("vmss_uniform"))
    body = sample("vmss_uniform")
    body["properties"]["virtualMachineProfile"]["osProfile"]["customData"] = "bmV3"
    ground.make(BOT, body)
    instance = f"{BOT}/virtualMachines/0"
    assert ground.ask("GET", instance).json["properties"]["latestModelApplied"] is False
    ground.follow(ground.ask("POST", f"{BOT}/manualupgrade", {"instanceIds": ["0"]}))
    assert ground.ask("GET", instance).json["properties"]["latestModelApplied"] is True
    ground.follow(ground.ask("POST", f"{BOT}/reimage", {"instanceIds": ["0"]}))
    assert isinstance(ground.arm.machines, InMemoryMachines)
    assert next(iter(ground.arm.machines.running.values())).custom_data == b"new"


def test_second_put_repairs_a_failed_scale_set(ground: Client) -> None:
    ground.arm.faults.add("lro-failed", method="PUT", path="virtualMachineScaleSets/bot$")
    shown = ground.make(BOT, sample("vmss_uniform")).json
    assert shown["properties"]["provisioningState"] == "Failed"
    assert ground.ask("GET", f"{BOT}/virtualMachines").json["value"] == []
    shown = ground.make(BOT, sample("vmss_uniform")).json
    assert shown["properties"]["provisioningState"] == "Succeeded"
    assert len(ground.ask("GET", f"{BOT}/virtualMachines").json["value"]) == 1


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("properties", "upgradePolicy"), None, "InvalidParameter"),
        (("properties", "orchestrationMode"), "Flexible", "InvalidParameter"),
        (("properties", "virtualMachineProfile", "extensionProfile"), None, "BadRequest"),
        (("properties", "automaticRepairsPolicy", "gracePeriod"), "PT5M", "InvalidParameter"),
        (
            ("properties", "virtualMachineProfile", "osProfile", "customData"),
            "#!",
            "InvalidParameter",
        ),
        (("sku", "name"), "Standard_D2s_v3", "BadRequest"),
    ],
)
def test_azures_rules_beyond_the_schema_are_enforced(
    ground: Client, path: tuple[str, ...], value: object, code: str
) -> None:
    body = sample("vmss_uniform")
    target = body
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    answer = ground.ask("PUT", BOT, body)
    assert (answer.status, answer.code) == (400, code)
    assert BOT not in ground.arm.resources()


def test_group_lists_its_resources(ground: Client) -> None:
    ground.make(at("Microsoft.Storage/storageAccounts", "stbots"), sample("storage"))
    found = ground.ask("GET", f"{GROUP}/resources").json["value"]
    kinds = sorted(item["type"].partition("/")[2] for item in found)
    assert kinds == [
        *("networkSecurityGroups", "publicIPPrefixes", "storageAccounts"),
        *("userAssignedIdentities", "virtualNetworks"),
    ]


def test_head_returns_whether_a_group_exists(group: Client) -> None:
    assert group.ask("HEAD", GROUP).status == 204
    group.follow(group.ask("DELETE", GROUP))
    assert group.ask("HEAD", GROUP).status == 404
    assert group.arm.resources() == []


def test_deleted_share_is_retained_for_days(ground: Client) -> None:
    ground.make(at("Microsoft.Storage/storageAccounts", "stbots"), sample("storage"))
    shares = f"{at('Microsoft.Storage/storageAccounts', 'stbots')}/fileServices/default/shares"
    ground.make(f"{shares}/bot", sample("share"))
    assert ground.ask("DELETE", f"{shares}/bot").status == 200
    assert ground.ask("GET", shares).json["value"] == []
    [kept] = ground.ask("GET", f"{shares}?$expand=deleted").json["value"]
    body = {"deletedShareName": "bot", "deletedShareVersion": kept["properties"]["version"]}
    assert ground.ask("POST", f"{shares}/bot/restore", body).status == 200
    assert len(ground.ask("GET", shares).json["value"]) == 1


def test_concurrent_requests_are_independent(arm: FakeArm) -> None:
    """Each answer belongs to its request's path."""
    client, wrong = Client(arm), []

    def make(number: int) -> None:
        path = f"{GROUP}{number}"
        client.make(path, {"location": "eastus", "tags": {"bot": str(number)}})
        if client.ask("GET", path).json["tags"] != {"bot": str(number)}:
            wrong.append(number)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(arm.resources()) == 10
