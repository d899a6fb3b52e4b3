"""Refused requests and injected faults."""

import pytest

from tests.bench.arm.fake import FakeArm
from tests.bench.arm.faults import FaultKind
from tests.bench.azure import SUBSCRIPTION_ID
from tests.contract.bench_arm.conftest import (
    GROUP,
    IDENTITY,
    ROLES,
    Answer,
    Client,
    at,
    sample,
    vault_body,
)

VNET = at("Microsoft.Network/virtualNetworks", "vnet")
NIL = "00000000-0000-0000-0000-000000000000"
READER = "c12c1c16-33a1-487b-954d-41c89c60f349"
REFUSED = {
    "401": 401,
    "403": 403,
    "404": 404,
    "409": 409,
    "409-conflict": 409,
    "412": 412,
    "429": 429,
    "500": 500,
    "502": 502,
    "503": 503,
    "504": 504,
}


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{GROUP}?api-version=1999-01-01", 400, "InvalidApiVersionParameter"),
        (f"{VNET}?api-version=2030-01-01", 400, "NoRegisteredProviderFound"),
        (f"{VNET}?api-version=", 400, "NoRegisteredProviderFound"),
        (at("Microsoft.Network/nothing", "x"), 404, "InvalidResourceType"),
        (f"{GROUP}2?api-version=2022-09-01", 404, "ResourceGroupNotFound"),
        (VNET, 404, "ResourceNotFound"),
        ("/subscriptions/other?api-version=2022-09-01", 404, "SubscriptionNotFound"),
    ],
)
def test_missing_resource_is_not_found(group: Client, path: str, status: int, code: str) -> None:
    answer = group.ask("GET", path)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize("header", [None, "Bearer invented"])
def test_token_is_required(group: Client, header: str | None) -> None:
    headers = {"Authorization": header} if header else {"Authorization": ""}
    answer = group.ask("GET", GROUP, headers=headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer authorization_uri=")


def test_body_is_checked_against_the_schema(group: Client) -> None:
    body = sample("vnet")
    body["properties"]["adressSpace"] = body["properties"].pop("addressSpace")
    answer = group.ask("PUT", VNET, body)
    assert (answer.status, answer.code) == (400, "InvalidRequestContent")
    assert "properties.adressSpace: no such property" in answer.json["error"]["message"]
    assert group.arm.resources() == [GROUP]


def test_operation_passes_through_its_states(group: Client) -> None:
    group.arm.knobs.change({"lro_polls": 3})
    group.ask("PUT", at("Microsoft.Network/networkSecurityGroups", "nsg"), sample("nsg"))
    group.arm.settle()
    answer = group.ask("PUT", VNET, sample("vnet"))
    assert answer.status == 201
    assert answer.json["properties"]["provisioningState"] == "Creating"
    assert "retry-after" in answer.headers
    path = "/" + answer.headers["azure-asyncoperation"].split("/", 3)[3]
    said = [group.ask("GET", path).json["status"] for _ in range(4)]
    assert said == ["InProgress"] * 3 + ["Succeeded"]
    assert group.ask("GET", VNET).json["properties"]["provisioningState"] == "Succeeded"


def test_resource_with_a_running_operation_refuses_changes(group: Client) -> None:
    """The operation ends even if its client is gone: each request advances time."""
    group.ask("PUT", at("Microsoft.Network/networkSecurityGroups", "nsg"), sample("nsg"))
    group.arm.settle()
    group.ask("PUT", VNET, sample("vnet"))
    answer = group.ask("PUT", VNET, sample("vnet"))
    assert (answer.status, answer.code) == (409, "AnotherOperationInProgress")
    group.ask("GET", VNET)
    assert group.ask("PUT", VNET, sample("vnet")).status == 200


@pytest.mark.parametrize("kind", REFUSED)
def test_fault_refuses_a_request(group: Client, kind: str) -> None:
    fault = group.arm.faults.add(kind, method="PUT", path="userAssignedIdentities/id", nth=2)
    path = at(IDENTITY, "id")
    statuses = [group.ask("PUT", path, {"location": "eastus"}).status for _ in range(3)]
    assert statuses == [201, REFUSED[kind], 200]
    assert fault.hits == 1


@pytest.mark.parametrize(
    ("kind", "made"),
    [("reset", False), ("timeout", False), ("reset-after", True), ("timeout-after", True)],
)
def test_fault_drops_the_answer(group: Client, kind: str, *, made: bool) -> None:
    group.arm.faults.add(kind, method="PUT", path="/id$", seconds=0.05)
    path = at(IDENTITY, "id")
    assert group.ask("PUT", path, {"location": "eastus"}).status == 0
    assert (path in group.arm.resources()) is made
    assert group.arm.requests[-1].status == 0


def test_fault_truncates_the_answer(group: Client) -> None:
    group.arm.faults.add("truncated", method="GET", path=f"{GROUP}$")
    with pytest.raises(Exception, match="IncompleteRead"):
        group.ask("GET", GROUP)


@pytest.mark.parametrize(
    ("kind", "status"), [("lro-failed", "Failed"), ("lro-canceled", "Canceled")]
)
def test_fault_fails_the_operation(group: Client, kind: str, status: str) -> None:
    path = at("Microsoft.Network/publicIPPrefixes", "pfx")
    group.arm.faults.add(kind, method="PUT", path="publicIPPrefixes")
    answer = group.ask("PUT", path, sample("pipprefix"))
    told = group.follow(answer).json
    assert told["status"] == status
    assert told["error"]["code"]
    assert group.ask("GET", path).json["properties"]["provisioningState"] == status
    assert (
        group.make(path, sample("pipprefix")).json["properties"]["provisioningState"] == "Succeeded"
    )


def test_fault_delays_the_operation(group: Client) -> None:
    group.arm.faults.add("lro-stuck", method="PUT", path="publicIPPrefixes", seconds=5)
    answer = group.ask("PUT", at("Microsoft.Network/publicIPPrefixes", "pfx"), sample("pipprefix"))
    began = len(group.arm.requests)
    assert group.follow(answer).json["status"] == "Succeeded"
    assert len(group.arm.requests) - began == 7


def test_there_are_at_least_twelve_faults() -> None:
    assert len(FaultKind) >= 12
    assert set(REFUSED) < {str(kind) for kind in FaultKind}


def test_requests_are_recorded_with_their_bodies(group: Client) -> None:
    group.ask("PUT", at(IDENTITY, "id"), {"location": "eastus"})
    last = group.arm.requests[-1]
    assert (last.method, last.path, last.status) == ("PUT", at(IDENTITY, "id"), 201)
    assert last.json == {"location": "eastus"}


def test_operator_without_permission_is_refused(group: Client) -> None:
    group.arm.knobs.change({"denied": ["Microsoft.Authorization/roleAssignments/write"]})
    body = sample("roleassignment")
    del body["name"]
    path = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/{NIL}"
    answer = group.ask("PUT", path, body)
    assert (answer.status, answer.code) == (403, "AuthorizationFailed")
    assert "roleAssignments/write" in answer.json["error"]["message"]


def assign(
    client: Client, scope: str, role: str, principal: str, number: int = 1, **more: str
) -> Answer:
    name = f"{number:08d}-0000-4000-8000-000000000000"
    body = {"properties": {"roleDefinitionId": f"{ROLES}/{role}", "principalId": principal, **more}}
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
    return client.ask("PUT", path, body)


def identity(client: Client, name: str = "id") -> dict[str, str]:
    found: dict[str, str] = client.make(at(IDENTITY, name), sample("identity")).json["properties"]
    return found


def test_new_identity_is_known_after_a_delay(group: Client) -> None:
    principal = identity(group)["principalId"]
    answer = assign(group, GROUP, READER, principal)
    assert answer.code == "PrincipalNotFound"
    answer = assign(group, GROUP, READER, principal, principalType="ServicePrincipal")
    assert answer.status == 201


def test_role_is_assigned_only_once(group: Client) -> None:
    principal = identity(group)["principalId"]
    kind = {"principalType": "ServicePrincipal"}
    answers = [assign(group, GROUP, READER, principal, number, **kind) for number in (1, 1, 2)]
    assert [answer.status for answer in answers] == [201, 200, 409]


def test_identity_reads_only_the_keys_of_its_account(ground: Client) -> None:
    """It can do so only once the role assignment has taken effect."""
    arm = ground.arm
    for name in ("stone", "stother"):
        body = sample("storage")
        ground.make(at("Microsoft.Storage/storageAccounts", name), body)
    mine = identity(ground, "mine")
    own = at("Microsoft.Storage/storageAccounts", "stone")
    assign(ground, own, READER, mine["principalId"], principalType="ServicePrincipal")
    who = {"client_id": mine["clientId"], "object_id": mine["principalId"]}
    token = arm.credential(**who).get_token("https://management.azure.com/.default").token
    headers = {"Authorization": f"Bearer {token}"}

    def keys(account: str) -> int:
        path = at("Microsoft.Storage/storageAccounts", account)
        return ground.ask("POST", f"{path}/listKeys", headers=headers).status

    arm.knobs.change({"propagation": 60.0})
    assert keys("stone") == 403
    arm.knobs.change({"propagation": 0.0})
    assert (keys("stone"), keys("stother")) == (200, 403)


def test_name_of_a_deleted_vault_stays_reserved(ground: Client) -> None:
    path = at("Microsoft.KeyVault/vaults", "kv-bots")
    ground.make(path, vault_body())
    assert ground.ask("DELETE", path).status == 200
    assert ground.arm.deleted_vaults() == ["kv-bots"]
    answer = ground.ask("PUT", path, vault_body())
    assert (answer.status, answer.code) == (409, "ConflictError")
    body = vault_body()
    body["properties"]["createMode"] = "recover"
    assert ground.make(path, body).status == 200
    assert ground.arm.deleted_vaults() == []


def test_resource_in_use_is_not_deleted(ground: Client) -> None:
    answer = ground.ask("DELETE", at("Microsoft.Network/networkSecurityGroups", "nsg"))
    assert answer.status == 400
    assert answer.code.startswith("InUse")


@pytest.mark.parametrize("mode", ["uniform", "flex"])
def test_size_missing_in_the_region_is_refused(ground: Client, mode: str) -> None:
    ground.arm.knobs.change({"unavailable_sizes": ["Standard_B2als_v2"]})
    path = at("Microsoft.Compute/virtualMachineScaleSets", "bot")
    answer = ground.ask("PUT", path, sample(f"vmss_{mode}"))
    assert (answer.status, answer.code) == (409, "SkuNotAvailable")
    assert path not in ground.arm.resources()


def test_custom_data_is_never_returned(ground: Client) -> None:
    path = at("Microsoft.Compute/virtualMachineScaleSets", "bot")
    shown = ground.make(path, sample("vmss_uniform"))
    assert b"customData" not in shown.body
    instances = ground.ask("GET", f"{path}/virtualMachines")
    assert b"customData" not in instances.body
    assert instances.json["value"][0]["instanceId"] == "0"


def test_account_name_in_another_group_is_taken(ground: Client) -> None:
    ground.make(at("Microsoft.Storage/storageAccounts", "stbots"), sample("storage"))
    other = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/others"
    ground.make(other, {"location": "eastus"})
    path = f"{other}/providers/Microsoft.Storage/storageAccounts/stbots"
    answer = ground.ask("PUT", path, sample("storage"))
    assert (answer.status, answer.code) == (409, "StorageAccountAlreadyTaken")


def test_prices_come_in_pages(arm: FakeArm, client: Client) -> None:
    arm.prices.change({"page": 2})
    wanted = "serviceName%20eq%20'Virtual%20Machines'%20and%20armSkuName%20eq%20'Standard_B2als_v2'"
    path = f"/api/retail/prices?api-version=2023-01-01-preview&$filter={wanted}"
    first = client.ask("GET", path, host="prices.azure.com").json
    assert first["Count"] == 2
    assert first["NextPageLink"].startswith("https://prices.azure.com/api/retail/prices?")
    assert {item["armSkuName"] for item in first["Items"]} == {"Standard_B2als_v2"}
