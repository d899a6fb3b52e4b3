"""`up`: everything is made, once; a second one only looks; what drifted comes back."""

import base64
import time
from typing import Any

import pytest

from clawbot_controller.azure.errors import NotChangeableError, RequestRefusedError
from clawbot_controller.operations.fleet import OncePerKey, for_each
from clawbot_controller.operations.power import powered, reimage, stop, to_zero
from clawbot_controller.operations.steps import Action
from clawbot_controller.operations.up import up
from tests.bench.arm import scale_sets
from tests.bench.arm.calls import Call
from tests.bench.arm.errors import bad
from tests.bench.arm.scale_set_rules import check
from tests.bench.arm.world import Resource
from tests.contract.controller import conftest
from tests.contract.controller.conftest import Ground, changes

VMSS = "Microsoft.Compute/virtualMachineScaleSets"
MODES = pytest.mark.parametrize("mode", ["uniform", "flexible"])


def types(ids: list[str]) -> set[str]:
    """Last type in each id."""
    return {one.split("/")[-2] for one in ids}


@MODES
def test_a_bot_from_nothing(ground: Ground, mode: str) -> None:
    site = ground.site(orchestration=mode)
    planned = ground.plan(site)
    assert {step.action for step in planned.steps} == {Action.CREATE}
    assert ground.writes() == []
    steps = ground.up(site)
    assert [step.name for step in steps if step.says.startswith("role")] != []
    made = types(ground.arm.resources())
    assert made == {
        *("resourceGroups", "networkSecurityGroups", "securityRules", "virtualNetworks", "subnets"),
        *("vaults", "userAssignedIdentities", "roleAssignments", "storageAccounts"),
        *("fileServices", "shares", "virtualMachineScaleSets", "virtualMachines"),
        *({"networkInterfaces", "publicIPAddresses", "disks"} & made),
    }
    # the service makes what the bodies imply; each step was planned
    assert len(steps) == len(planned.steps)


@MODES
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"address": "prefix", "dns_label": "a-bot", "tags": {"team": "ops"}},
        {"bot": {"share": {"auth": "managed-identity"}}, "repair": "none"},
    ],
    ids=["default", "prefix", "no-key"],
)
def test_the_second_one_only_looks(ground: Ground, mode: str, more: dict[str, Any]) -> None:
    site = ground.site(orchestration=mode, **more)
    ground.up(site)
    before = len(ground.arm.requests)
    assert changes(ground.up(site)) == []
    assert ground.writes(before) == []
    assert not ground.plan(site).changes


def test_what_somebody_opened_is_closed_again(ground: Ground) -> None:
    site = ground.site()
    ground.up(site)
    group = site.arm.get(site.shared.security_group_id)
    assert group is not None
    rules = group["properties"]["securityRules"]
    ssh = {**rules[0]["properties"], "priority": 200, "destinationPortRanges": ["22"]}
    ssh.pop("provisioningState", None)
    site.arm.put(f"{site.shared.security_group_id}/securityRules/ssh", {"properties": ssh})
    step = next(one for one in ground.plan(site).steps if one.action is Action.CHANGE)
    assert step.why == ("properties.securityRules: ssh → absent",)
    assert changes(ground.up(site)) == ["change clawbot-nsg"]
    assert changes(ground.up(site)) == []


def test_a_new_configuration_reaches_the_instance_by_a_reimage(ground: Ground) -> None:
    ground.up(ground.site())
    site = ground.site(bot={"caddy": {"domain": "bot.example.org"}})
    assert changes(ground.up(site)) == ["change my-bot"]
    assert "'reimage' gives it the new one" in ground.told[-1]
    reimage(site)
    instance = next(one for one in ground.arm.world.of_type(f"{VMSS}/virtualMachines"))
    data = base64.b64decode(instance.private["model"].profile["osProfile"]["customData"])
    assert b"bot.example.org" in data
    ground.told.clear()
    assert powered(site) == ()
    assert ground.told == []


def test_the_repair_action_changes_while_repairs_are_off(ground: Ground) -> None:
    ground.up(ground.site())
    site = ground.site(repair="replace")
    assert changes(ground.up(site)) == ["change my-bot"]
    assert changes(ground.up(site)) == []


def test_the_key_of_the_instance_is_made_once(ground: Ground) -> None:
    ground.up(ground.site())

    def never() -> str:
        message = "a second key"
        raise AssertionError(message)

    site = ground.site(disk_gib=64)
    object.__setattr__(site, "make_key", never)
    assert changes(ground.up(site)) == ["change my-bot"]


def test_a_stopped_bot_is_started(ground: Ground) -> None:
    site = ground.site()
    ground.up(site)
    stop(site)
    assert changes(ground.up(site)) == ["change instance"]
    to_zero(site)
    assert changes(ground.up(site)) == ["change my-bot"]
    assert changes(ground.up(site)) == []


def test_what_cannot_be_changed_is_told_before_anything_is_done(ground: Ground) -> None:
    ground.up(ground.site())
    with pytest.raises(NotChangeableError, match="orchestrationMode: Uniform → Flexible"):
        ground.plan(ground.site(orchestration="flexible"))
    before = len(ground.arm.requests)
    with pytest.raises(NotChangeableError, match="location: eastus → westeurope"):
        ground.up(ground.site("other-bot", region="westeurope"))
    assert ground.writes(before) == []


def test_a_deleted_vault_is_recovered_with_its_secrets(ground: Ground) -> None:
    site = ground.site()
    ground.up(site)
    token = ground.arm.secrets(site.shared.vault)
    site.arm.delete(site.shared.vault_id)
    assert ground.arm.deleted_vaults() == [site.shared.vault]
    assert f"recover {site.shared.vault}" in changes(ground.up(site))
    assert ground.arm.secrets(site.shared.vault) == token
    assert changes(ground.up(site)) == []


def test_a_subscription_that_never_had_such_things_is_registered(
    ground: Ground,
) -> None:
    ground.arm.knobs.change({"unregistered": ["Microsoft.KeyVault", "Microsoft.Compute"]})
    ground.up(ground.site())
    registered = [one for one in ground.writes() if one.endswith("/register")]
    assert registered == ["POST Microsoft.KeyVault/register", "POST Microsoft.Compute/register"]
    assert changes(ground.up(ground.site())) == []


def test_a_role_that_takes_its_time_is_waited_for(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than a busy machine takes to come to the first secret."""
    monkeypatch.setattr(conftest, "LONGEST_SLEEP", 0.1)
    ground.arm.knobs.change({"propagation": 4.0})
    ground.up(ground.site())
    assert [line for line in ground.told if "VAULT_ROLE_PENDING" in line] != []


def test_ten_bots_at_once_do_not_meet(ground: Ground) -> None:
    sites = {name: ground.site(name) for name in (f"bot-{number}" for number in range(10))}
    shared = OncePerKey[Any, Any]()
    outcomes = for_each(sites, lambda site: up(site, shared))
    assert {type(one) for one in outcomes.values()} == {tuple}
    puts = [one.path for one in ground.arm.requests if one.method == "PUT"]
    assert len(puts) == len(set(puts))
    for name, site in sites.items():
        own = site.arm.get(site.names.scale_set_id)
        assert own is not None
        identities = [one.lower() for one in own["identity"]["userAssignedIdentities"]]
        assert identities == [site.names.identity_id.lower()]
        data = ground.arm.world.require(site.names.scale_set_id).private["sent"]
        text = base64.b64decode(
            data["properties"]["virtualMachineProfile"]["osProfile"]["customData"]
        ).decode()
        others = {other.names.account for other in sites.values()} - {site.names.account}
        assert site.names.account in text
        assert not [other for other in others if other in text]
        assert set(ground.arm.secrets(site.shared.vault)) >= {f"{name}-gateway-token"}
    tokens = ground.arm.secrets(next(iter(sites.values())).shared.vault)
    assert len(set(tokens.values())) == 10


def test_ten_bots_take_about_the_time_of_one(
    ground: Ground, figures: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Azure's long operations are waited for side by side; one after the other would be tenfold."""
    ground.up(ground.site("first-bot"))
    ground.arm.knobs.change({"lro_polls": 2, "lro_retry_after": 1})
    monkeypatch.setattr(conftest, "LONGEST_SLEEP", 1.0)

    def seconds(names: list[str]) -> float:
        started = time.monotonic()
        for_each({name: ground.site(name) for name in names}, ground.up)
        return time.monotonic() - started

    one = seconds(["one-bot"])
    ten = seconds([f"bot-{number}" for number in range(10)])
    figures["up of one more bot, s"], figures["up of ten more bots, s"] = one, ten
    assert ten < 5 * one


def test_a_bot_may_read_its_own_secrets_and_no_other(ground: Ground) -> None:
    one, other = ground.site("one-bot"), ground.site("other-bot")
    ground.up(one)
    ground.up(other)
    scopes = {
        assignment.id.partition("/providers/Microsoft.Authorization")[0]
        for assignment in ground.arm.world.of_type("Microsoft.Authorization/roleAssignments")
        if assignment.properties["principalId"]
        == (one.arm.get(one.names.identity_id) or {})["properties"]["principalId"]
    }
    assert scopes == {one.names.account_id, f"{one.shared.vault_id}/secrets/one-bot-gateway-token"}


def refuse_skus(call: Call, body: dict[str, Any], old: Resource | None) -> None:
    """As Azure may in a uniform set, whose addresses follow the load balancer's kind."""
    check(call, body, old)
    if "'publicIPAddressConfiguration': {'name': 'address', 'sku'" in str(body):
        message = "Could not find member 'sku' on object of type 'PublicIPAddressConfiguration'."
        raise bad(message, "InvalidRequestContent")


def test_an_address_whose_kind_azure_chooses(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scale_sets, "check", refuse_skus)
    site = ground.site()
    ground.up(site)
    tried = [one for one in ground.writes() if one == "PUT virtualMachineScaleSets/my-bot"]
    assert len(tried) == 2
    before = len(ground.arm.requests)
    assert changes(ground.up(site)) == []
    assert ground.writes(before) == []
    assert not ground.plan(site).changes


def test_another_refusal_of_the_scale_set_is_told_at_once(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(call: Call, body: dict[str, Any], old: Resource | None) -> None:
        check(call, body, old)
        message = "The parameter 'priority' is no good."
        raise bad(message, "InvalidParameter")

    monkeypatch.setattr(scale_sets, "check", refuse)
    with pytest.raises(RequestRefusedError, match="priority"):
        ground.up(ground.site())
    assert ground.writes().count("PUT virtualMachineScaleSets/my-bot") == 1
