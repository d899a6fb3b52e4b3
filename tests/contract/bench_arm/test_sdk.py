"""The official clients, from an empty subscription to a bot and back."""

import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.keyvault.secrets import SecretClient
from azure.mgmt import authorization, compute, keyvault, msi, network, storage
from azure.mgmt.resource import resources as resource

from tests.bench.arm.fake import FakeArm
from tests.bench.arm.machines import InMemoryMachines, Output
from tests.bench.arm.world import OPERATOR_ID
from tests.bench.azure import SUBSCRIPTION_ID
from tests.contract.bench_arm.conftest import GROUP, ROLES, at, resolved, sample, vault_body

__all__ = ["resolved"]

OFFICER = f"{ROLES}/b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
USER = f"{ROLES}/4633458b-17de-408a-b874-0445c86b69e6"


@dataclass(slots=True)
class Clients:
    """All clients."""

    arm: FakeArm
    groups: Any
    network: Any
    identities: Any
    vaults: Any
    roles: Any
    storage: Any
    compute: Any


class Pinned(SansIOHTTPPolicy[Any, Any]):
    """Sets the api-version for clients that take it only with each call."""

    def __init__(self, version: str) -> None:
        self._version = version

    def on_request(self, request: Any) -> None:  # noqa: ANN401 - the base class's signature
        """Set it in the query."""
        pinned = rf"api-version={self._version}"
        if "/skus?" not in request.http_request.url:
            request.http_request.url = re.sub(
                r"api-version=[\d-]+", pinned, request.http_request.url
            )


def connect(arm: FakeArm) -> Clients:
    def new(client: Any, version: str) -> Any:  # noqa: ANN401 - classes without a common base
        return client(
            arm.credential(),
            SUBSCRIPTION_ID,
            base_url=arm.url,
            per_call_policies=[Pinned(version)],
            connection_verify=arm.ca_file,
            polling_interval=0.01,
        )

    return Clients(
        arm,
        groups=new(resource.ResourceManagementClient, "2022-09-01"),
        network=new(network.NetworkManagementClient, "2024-05-01"),
        identities=new(msi.ManagedServiceIdentityClient, "2023-01-31"),
        vaults=new(keyvault.KeyVaultManagementClient, "2023-07-01"),
        roles=new(authorization.AuthorizationManagementClient, "2022-04-01"),
        storage=new(storage.StorageManagementClient, "2025-01-01"),
        compute=new(compute.ComputeManagementClient, "2024-07-01"),
    )


@pytest.fixture
def sdk(resolved: FakeArm) -> Iterator[Clients]:
    clients = connect(resolved)
    yield clients
    for name in ("groups", "network", "identities", "vaults", "roles", "storage", "compute"):
        getattr(clients, name).close()


def grounded(sdk: Clients) -> Any:  # noqa: ANN401 - a model of the SDK
    """Create a bot's network and identity; return the identity."""
    sdk.groups.resource_groups.create_or_update("bots", {"location": "eastus"})
    nsg = sdk.network.network_security_groups
    assert nsg.begin_create_or_update("bots", "nsg", sample("nsg")).result().security_rules
    vnet = sdk.network.virtual_networks.begin_create_or_update("bots", "vnet", sample("vnet"))
    assert (
        vnet.result().subnets[0].id
        == f"{at('Microsoft.Network/virtualNetworks', 'vnet')}/subnets/default"
    )
    prefixes = sdk.network.public_ip_prefixes
    prefixes.begin_create_or_update("bots", "pfx", sample("pipprefix")).result()
    return sdk.identities.user_assigned_identities.create_or_update(
        "bots", "id", {"location": "eastus"}
    )


def vault_with_secret(sdk: Clients, identity: Any) -> None:  # noqa: ANN401 - a model of the SDK
    made = sdk.vaults.vaults.begin_create_or_update("bots", "kv-bots", vault_body()).result()
    assert made.properties.vault_uri == "https://kv-bots.vault.azure.net/"
    for principal, kind, role, scope in (
        (OPERATOR_ID, "User", OFFICER, made.id),
        (identity.principal_id, "ServicePrincipal", USER, f"{made.id}/secrets/token"),
    ):
        body = {
            "properties": {
                "roleDefinitionId": role,
                "principalId": principal,
                "principalType": kind,
            }
        }
        sdk.roles.role_assignments.create(scope, str(uuid.uuid4()), body)
    with SecretClient(
        "https://kv-bots.vault.azure.net",
        sdk.arm.credential(),
        connection_verify=sdk.arm.ca_file,
    ) as secrets:
        secrets.set_secret("token", "s3cret", content_type="text/plain")
        assert secrets.get_secret("token").value == "s3cret"
        assert [item.name for item in secrets.list_properties_of_secrets()] == ["token"]
        secrets.begin_delete_secret("token", _polling_interval=0).wait()
        with pytest.raises(HttpResponseError):
            secrets.set_secret("token", "other")
        secrets.begin_recover_deleted_secret("token", _polling_interval=0).wait()
        assert secrets.get_secret("token").value == "s3cret"


def account_with_share(sdk: Clients) -> None:
    account = sdk.storage.storage_accounts.begin_create(
        "bots", "stbots", sample("storage")
    ).result()
    assert account.provisioning_state == "Succeeded"
    share = sdk.storage.file_shares.create("bots", "stbots", "bot", sample("share"))
    assert share.share_quota == 64
    assert [item.name for item in sdk.storage.file_shares.list("bots", "stbots")] == ["bot"]
    assert len(sdk.storage.storage_accounts.list_keys("bots", "stbots").keys_property) == 2


@pytest.mark.parametrize("mode", ["uniform", "flex"])
def test_bot_is_created_and_deleted(sdk: Clients, mode: str) -> None:
    identity = grounded(sdk)
    vault_with_secret(sdk, identity)
    account_with_share(sdk)
    sets = sdk.compute.virtual_machine_scale_sets
    made = sets.begin_create_or_update("bots", "bot", sample(f"vmss_{mode}")).result()
    assert made.provisioning_state == "Succeeded"
    assert not made.virtual_machine_profile.os_profile.custom_data
    [instance] = sdk.compute.virtual_machine_scale_set_vms.list("bots", "bot")
    assert instance.provisioning_state == "Succeeded"
    assert isinstance(sdk.arm.machines, InMemoryMachines)
    [model] = sdk.arm.machines.running.values()
    assert model.custom_data == b"#cloud-config\n"
    assert model.identities[0]["client_id"] == identity.client_id

    sdk.groups.resource_groups.begin_delete("bots").result()
    assert sdk.arm.resources() == []
    assert sdk.arm.machines.running == {}
    assert sdk.arm.deleted_vaults() == ["kv-bots"]
    sdk.vaults.vaults.begin_purge_deleted("kv-bots", "eastus").result()
    assert sdk.arm.deleted_vaults() == []


def test_instance_operations(sdk: Clients) -> None:
    grounded(sdk)
    machines = sdk.arm.machines
    assert isinstance(machines, InMemoryMachines)
    machines.reply = Output("healthy\n", "")
    sets, vms = sdk.compute.virtual_machine_scale_sets, sdk.compute.virtual_machine_scale_set_vms
    sets.begin_create_or_update("bots", "bot", sample("vmss_uniform")).result()
    said = vms.begin_run_command(
        "bots", "bot", "0", {"commandId": "RunShellScript", "script": ["clawbot-agent status"]}
    ).result()
    assert "[stdout]\nhealthy\n" in said.value[0].message
    view = vms.get_instance_view("bots", "bot", "0")
    assert [status.code for status in view.statuses][-1] == "PowerState/running"
    assert view.vm_health.status.code == "HealthState/healthy"

    blob = vms.retrieve_boot_diagnostics_data("bots", "bot", "0")
    console = requests.get(blob.serial_console_log_blob_uri, verify=sdk.arm.ca_file, timeout=10)
    assert console.text == machines.console_text
    [address] = sdk.network.public_ip_addresses.list_virtual_machine_scale_set_public_ip_addresses(
        "bots", "bot"
    )
    assert address.ip_address.startswith("203.0.113.")

    sets.begin_deallocate("bots", "bot").result()
    view = vms.get_instance_view("bots", "bot", "0")
    assert [status.code for status in view.statuses][-1] == "PowerState/deallocated"
    sets.begin_start("bots", "bot").result()
    before = vms.get("bots", "bot", "0").vm_id
    sets.begin_reimage("bots", "bot").result()
    assert vms.get("bots", "bot", "0").vm_id != before
    sets.begin_update("bots", "bot", {"sku": {"name": "Standard_B2als_v2", "capacity": 0}}).result()
    assert list(vms.list("bots", "bot")) == []
    names = [name for name, _ in machines.calls]
    assert [*names] == [
        "create",
        "run_command",
        "console",
        "deallocate",
        "start",
        "reimage",
        "delete",
    ]


def test_repairs_can_be_suspended(sdk: Clients) -> None:
    grounded(sdk)
    sets = sdk.compute.virtual_machine_scale_sets
    sets.begin_create_or_update("bots", "bot", sample("vmss_flex")).result()

    def state() -> str:
        [service] = sets.get_instance_view("bots", "bot").orchestration_services
        return str(service["serviceState"])

    assert state() == "Running"
    body = {"serviceName": "AutomaticRepairs", "action": "Suspend"}
    sets.begin_set_orchestration_service_state("bots", "bot", body).result()
    assert state() == "Suspended"


def test_sizes_and_providers_are_listed(sdk: Clients) -> None:
    sizes = {item.name for item in sdk.compute.resource_skus.list(filter="location eq 'eastus'")}
    poor = {
        item.name for item in sdk.compute.resource_skus.list(filter="location eq 'newzealandnorth'")
    }
    assert "Standard_B2als_v2" in sizes - poor
    sdk.arm.knobs.change({"unregistered": ["Microsoft.Compute"]})
    assert sdk.groups.providers.get("Microsoft.Compute").registration_state == "NotRegistered"
    sdk.groups.providers.register("Microsoft.Compute")
    states = [sdk.groups.providers.get("Microsoft.Compute").registration_state for _ in range(2)]
    assert states[-1] == "Registered"


def test_client_retries_a_fault(sdk: Clients) -> None:
    began = time.monotonic()
    fault = sdk.arm.faults.add("429", method="PUT", path="resourcegroups/bots$")
    sdk.groups.resource_groups.create_or_update("bots", {"location": "eastus"})
    assert fault.hits == 1
    assert [item.status for item in sdk.arm.requests if item.method == "PUT"] == [429, 201]
    assert sdk.arm.resources() == [GROUP]
    assert time.monotonic() - began < 30
