"""Desired resources: names within Azure's rules, and bodies that follow the deployment."""

import base64
import re
from typing import Any

import pytest
from hypothesis import given, strategies

from clawbot_controller.deployment.names import BotNames, Place, SharedNames, assignment_name
from clawbot_controller.model.bot_resources import BotIdentity, own_resources
from clawbot_controller.model.resource import Resource, kind_of
from clawbot_controller.model.scale_set import FINGERPRINT_TAG
from clawbot_controller.model.shared_resources import shared_resources
from tests.support.deployments import SUBSCRIPTION, deployment

IDENTITY = BotIdentity(
    client_id="11111111-2222-3333-4444-555555555555",
    object_id="66666666-7777-8888-9999-000000000000",
)
PLACE = Place(SUBSCRIPTION, "clawbots")
BOT_NAMES = strategies.from_regex(r"^(?!.*--)[a-z][a-z0-9-]{1,30}[a-z0-9]$", fullmatch=True)


def own(name: str = "my-bot", *, key: str = "ssh-rsa AAAA", **more: Any) -> dict[str, Resource]:  # noqa: ANN401 - as deployment()
    """Return the bot's resources by type; of role assignments the last."""
    found = own_resources(BotNames(PLACE, name), deployment(name, **more), IDENTITY, key)
    return {kind_of(one.id) + ("/shares" if "/shares/" in one.id else ""): one for one in found}


def scale_set(**more: Any) -> Resource:  # noqa: ANN401 - as deployment()
    return own(**more)["microsoft.compute/virtualmachinescalesets"]


def account(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - as deployment()
    found = own_resources(BotNames(PLACE, "my-bot"), deployment(**more), IDENTITY, "")
    properties: dict[str, Any] = found[0].body["properties"]
    return properties


@given(name=BOT_NAMES, group=strategies.from_regex(r"^[-\w._()]{0,89}[-\w_()]$", fullmatch=True))
def test_names_follow_rules_of_azure(name: str, group: str) -> None:
    place = Place(SUBSCRIPTION, group)
    names = BotNames(place, name)
    assert re.fullmatch(r"[a-z0-9]{3,24}", names.account)
    assert re.fullmatch(r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]", SharedNames(place).vault)
    assert re.fullmatch(r"[a-z0-9-]{1,15}(?<!-)", names.computer_prefix)
    assert re.fullmatch(r"[0-9a-zA-Z-]{1,127}", names.openclaw_config)


def test_global_names_depend_on_group_and_bot_but_not_on_case() -> None:
    elsewhere = Place(SUBSCRIPTION, "other")
    accounts = {
        BotNames(place, bot).account for place in (PLACE, elsewhere) for bot in ("a1", "a2")
    }
    assert len(accounts) == 4
    assert SharedNames(PLACE).vault == SharedNames(Place(SUBSCRIPTION, "ClawBots")).vault


def test_assignment_name_is_deterministic() -> None:
    assert assignment_name("/A/b", "r", "P") == assignment_name("/a/B", "r", "p")
    assert assignment_name("/a", "r", "p") != assignment_name("/a", "r", "q")


def test_only_ports_80_and_443_are_open() -> None:
    found = shared_resources(PLACE, "eastus", tenant="t", operator=None)
    rules = [
        rule for one in found for rule in one.body.get("properties", {}).get("securityRules", [])
    ]
    assert [rule["properties"]["destinationPortRanges"] for rule in rules] == [["80", "443"]]


def test_roles_are_on_own_account_and_secrets_only() -> None:
    names = BotNames(PLACE, "my-bot")
    found = own_resources(names, deployment(openclaw_config="f"), IDENTITY, "")
    scopes = {
        one.id.partition("/providers/Microsoft.Authorization")[0]
        for one in found
        if "roleAssignments" in one.id
    }
    vault = SharedNames(PLACE).vault_id
    assert scopes == {
        names.account_id,
        f"{vault}/secrets/my-bot-gateway-token",
        f"{vault}/secrets/my-bot-openclaw-config",
    }


def test_account_key_is_disabled_with_managed_identity() -> None:
    by_identity = account(bot={"share": {"auth": "managed-identity"}})
    assert by_identity["allowSharedKeyAccess"] is False
    oauth = by_identity["azureFilesIdentityBasedAuthentication"]["smbOAuthSettings"]
    assert oauth == {"isSmbOAuthEnabled": True}
    assert account()["networkAcls"]["defaultAction"] == "Deny"


def test_grace_periods_cover_run_deadline() -> None:
    body = scale_set(bot={"limits": {"run_deadline": 2701}}).body["properties"]
    assert body["automaticRepairsPolicy"]["gracePeriod"] == "PT46M"
    settings = body["virtualMachineProfile"]["extensionProfile"]["extensions"][0]["properties"]
    assert settings["settings"]["gracePeriod"] >= 2701
    quick = scale_set(bot={"limits": {"run_deadline": 300}, "gateway": {"ready_timeout": 60}})
    assert quick.body["properties"]["automaticRepairsPolicy"]["gracePeriod"] == "PT10M"
    assert scale_set(repair="none").body["properties"]["automaticRepairsPolicy"] == {
        "enabled": False
    }


def test_custom_data_has_identity_vault_and_account() -> None:
    profile = scale_set().body["properties"]["virtualMachineProfile"]
    text = base64.b64decode(profile["osProfile"]["customData"]).decode()
    assert IDENTITY.client_id in text
    assert SharedNames(PLACE).vault in text
    assert BotNames(PLACE, "my-bot").account in text


def test_fingerprint_depends_on_model_but_not_on_key() -> None:
    first, second = scale_set(key="ssh-rsa AAAA"), scale_set(key="ssh-rsa BBBB")
    assert first.body != second.body
    assert first.body["tags"][FINGERPRINT_TAG] == second.body["tags"][FINGERPRINT_TAG]
    other = scale_set(bot={"caddy": {"domain": "b.example.org"}})
    assert other.body["tags"][FINGERPRINT_TAG] != first.body["tags"][FINGERPRINT_TAG]


@pytest.mark.parametrize("mode", ["uniform", "flexible"])
def test_body_follows_orchestration_mode(mode: str) -> None:
    body = scale_set(orchestration=mode).body["properties"]
    assert body["orchestrationMode"].lower() == mode
    assert ("upgradePolicy" in body) == (mode == "uniform")
    network = body["virtualMachineProfile"]["networkProfile"]
    assert ("networkApiVersion" in network) == (mode == "flexible")


def test_reserved_addresses_only_with_address_prefix() -> None:
    assert "microsoft.network/publicipprefixes" not in own()
    assert "microsoft.network/publicipprefixes" in own(address="prefix")


NESTED = PLACE.resource("Microsoft.Network/virtualNetworks", "v") + "/subnets/x"


@pytest.mark.parametrize(
    ("resource_id", "kind"),
    [
        ("/subscriptions/s", "subscriptions"),
        ("/subscriptions/s/resourceGroups/g", "resourcegroups"),
        (NESTED, "microsoft.network/virtualnetworks"),
        (
            f"{NESTED}/providers/Microsoft.Authorization/roleAssignments/x",
            "microsoft.authorization/roleassignments",
        ),
    ],
)
def test_type_is_read_from_id(resource_id: str, kind: str) -> None:
    assert kind_of(resource_id) == kind
