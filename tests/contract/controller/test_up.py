"""`up` creates everything once, a second `up` writes nothing, and drift is corrected."""

import base64
import time
from typing import Any

import pytest

from clawbot_controller.azure.errors import NotChangeableError, RequestRefusedError
from clawbot_controller.operations.parallel import OncePerKey, for_each
from clawbot_controller.operations.power import ensure_started, reimage, stop, stop_to_zero
from clawbot_controller.operations.reconcile import Action
from clawbot_controller.operations.up import up
from tests.bench.arm import scale_sets
from tests.bench.arm.calls import Call
from tests.bench.arm.errors import bad
from tests.bench.arm.scale_set_rules import check
from tests.bench.arm.world import Resource
from tests.contract.controller import conftest
from tests.contract.controller.conftest import FakeAzure, changes

VMSS = "Microsoft.Compute/virtualMachineScaleSets"
MODES = pytest.mark.parametrize("mode", ["uniform", "flexible"])


def types(ids: list[str]) -> set[str]:
    """Return the last type in each id."""
    return {one.split("/")[-2] for one in ids}


@MODES
def test_up_creates_what_plan_shows(azure: FakeAzure, mode: str) -> None:
    bot = azure.bot(orchestration=mode)
    planned = azure.plan(bot)
    assert {step.action for step in planned.steps} == {Action.CREATE}
    assert azure.writes() == []
    steps = azure.up(bot)
    assert [step.name for step in steps if step.description.startswith("role")] != []
    made = types(azure.arm.resources())
    assert made == {
        *("resourceGroups", "networkSecurityGroups", "securityRules", "virtualNetworks", "subnets"),
        *("vaults", "userAssignedIdentities", "roleAssignments", "storageAccounts"),
        *("fileServices", "shares", "virtualMachineScaleSets", "virtualMachines"),
        *({"networkInterfaces", "publicIPAddresses", "disks"} & made),
    }
    # Azure creates more than is in the bodies; each step was planned
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
def test_second_up_writes_nothing(azure: FakeAzure, mode: str, more: dict[str, Any]) -> None:
    bot = azure.bot(orchestration=mode, **more)
    azure.up(bot)
    before = len(azure.arm.requests)
    assert changes(azure.up(bot)) == []
    assert azure.writes(before) == []
    assert not azure.plan(bot).changes


def test_opened_port_is_closed_again(azure: FakeAzure) -> None:
    bot = azure.bot()
    azure.up(bot)
    group = bot.arm.get(bot.shared.security_group_id)
    assert group is not None
    rules = group["properties"]["securityRules"]
    ssh = {**rules[0]["properties"], "priority": 200, "destinationPortRanges": ["22"]}
    ssh.pop("provisioningState", None)
    bot.arm.put(f"{bot.shared.security_group_id}/securityRules/ssh", {"properties": ssh})
    step = next(one for one in azure.plan(bot).steps if one.action is Action.CHANGE)
    assert step.reasons == ("properties.securityRules: ssh → absent",)
    assert changes(azure.up(bot)) == ["change clawbot-nsg"]
    assert changes(azure.up(bot)) == []


def test_new_configuration_reaches_instance_by_reimage(azure: FakeAzure) -> None:
    azure.up(azure.bot())
    bot = azure.bot(bot={"caddy": {"domain": "bot.example.org"}})
    assert changes(azure.up(bot)) == ["change my-bot"]
    assert "run 'reimage' to update it" in azure.lines[-1]
    reimage(bot)
    instance = next(one for one in azure.arm.world.of_type(f"{VMSS}/virtualMachines"))
    data = base64.b64decode(instance.private["model"].profile["osProfile"]["customData"])
    assert b"bot.example.org" in data
    azure.lines.clear()
    assert ensure_started(bot) == ()
    assert azure.lines == []


def test_repair_action_is_changed_while_repairs_are_disabled(azure: FakeAzure) -> None:
    azure.up(azure.bot())
    bot = azure.bot(repair="replace")
    assert changes(azure.up(bot)) == ["change my-bot"]
    assert changes(azure.up(bot)) == []


def test_key_is_generated_once(azure: FakeAzure) -> None:
    azure.up(azure.bot())

    def never() -> str:
        message = "a second key"
        raise AssertionError(message)

    bot = azure.bot(disk_gib=64)
    object.__setattr__(bot, "make_key", never)
    assert changes(azure.up(bot)) == ["change my-bot"]


def test_up_starts_stopped_bot(azure: FakeAzure) -> None:
    bot = azure.bot()
    azure.up(bot)
    stop(bot)
    assert changes(azure.up(bot)) == ["change instance"]
    stop_to_zero(bot)
    assert changes(azure.up(bot)) == ["change my-bot"]
    assert changes(azure.up(bot)) == []


def test_impossible_change_is_refused_before_any_write(azure: FakeAzure) -> None:
    azure.up(azure.bot())
    with pytest.raises(NotChangeableError, match="orchestrationMode: Uniform → Flexible"):
        azure.plan(azure.bot(orchestration="flexible"))
    before = len(azure.arm.requests)
    with pytest.raises(NotChangeableError, match="location: eastus → westeurope"):
        azure.up(azure.bot("other-bot", region="westeurope"))
    assert azure.writes(before) == []


def test_deleted_vault_is_recovered_with_its_secrets(azure: FakeAzure) -> None:
    bot = azure.bot()
    azure.up(bot)
    token = azure.arm.secrets(bot.shared.vault)
    bot.arm.delete(bot.shared.vault_id)
    assert azure.arm.deleted_vaults() == [bot.shared.vault]
    assert f"recover {bot.shared.vault}" in changes(azure.up(bot))
    assert azure.arm.secrets(bot.shared.vault) == token
    assert changes(azure.up(bot)) == []


def test_missing_resource_provider_is_registered(
    azure: FakeAzure,
) -> None:
    azure.arm.knobs.change({"unregistered": ["Microsoft.KeyVault", "Microsoft.Compute"]})
    azure.up(azure.bot())
    registered = [one for one in azure.writes() if one.endswith("/register")]
    assert registered == ["POST Microsoft.KeyVault/register", "POST Microsoft.Compute/register"]
    assert changes(azure.up(azure.bot())) == []


def test_slow_role_assignment_is_waited_for(
    azure: FakeAzure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than a busy computer takes until the first secret."""
    monkeypatch.setattr(conftest, "LONGEST_SLEEP", 0.1)
    azure.arm.knobs.change({"propagation": 4.0})
    azure.up(azure.bot())
    assert [line for line in azure.lines if "VAULT_ROLE_PENDING" in line] != []


def test_ten_bots_in_parallel_do_not_interfere(azure: FakeAzure) -> None:
    bots = {name: azure.bot(name) for name in (f"bot-{number}" for number in range(10))}
    shared = OncePerKey[Any, Any]()
    outcomes = for_each(bots, lambda bot: up(bot, shared))
    assert {type(one) for one in outcomes.values()} == {tuple}
    puts = [one.path for one in azure.arm.requests if one.method == "PUT"]
    assert len(puts) == len(set(puts))
    for name, bot in bots.items():
        own = bot.arm.get(bot.names.scale_set_id)
        assert own is not None
        identities = [one.lower() for one in own["identity"]["userAssignedIdentities"]]
        assert identities == [bot.names.identity_id.lower()]
        data = azure.arm.world.require(bot.names.scale_set_id).private["sent"]
        text = base64.b64decode(
            data["properties"]["virtualMachineProfile"]["osProfile"]["customData"]
        ).decode()
        others = {other.names.account for other in bots.values()} - {bot.names.account}
        assert bot.names.account in text
        assert not [other for other in others if other in text]
        assert set(azure.arm.secrets(bot.shared.vault)) >= {f"{name}-gateway-token"}
    tokens = azure.arm.secrets(next(iter(bots.values())).shared.vault)
    assert len(set(tokens.values())) == 10


def test_ten_bots_take_about_as_long_as_one(
    azure: FakeAzure, figures: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The waits for long-running operations overlap; otherwise it would take ten times as long."""
    azure.up(azure.bot("first-bot"))
    azure.arm.knobs.change({"lro_polls": 2, "lro_retry_after": 1})
    monkeypatch.setattr(conftest, "LONGEST_SLEEP", 1.0)

    def seconds(names: list[str]) -> float:
        started = time.monotonic()
        for_each({name: azure.bot(name) for name in names}, azure.up)
        return time.monotonic() - started

    one = seconds(["one-bot"])
    ten = seconds([f"bot-{number}" for number in range(10)])
    figures["up of one more bot, s"], figures["up of ten more bots, s"] = one, ten
    assert ten < 5 * one


def test_bot_may_read_only_its_own_secrets(azure: FakeAzure) -> None:
    one, other = azure.bot("one-bot"), azure.bot("other-bot")
    azure.up(one)
    azure.up(other)
    scopes = {
        assignment.id.partition("/providers/Microsoft.Authorization")[0]
        for assignment in azure.arm.world.of_type("Microsoft.Authorization/roleAssignments")
        if assignment.properties["principalId"]
        == (one.arm.get(one.names.identity_id) or {})["properties"]["principalId"]
    }
    assert scopes == {one.names.account_id, f"{one.shared.vault_id}/secrets/one-bot-gateway-token"}


def refuse_skus(call: Call, body: dict[str, Any], old: Resource | None) -> None:
    """As Azure may in a uniform set, whose addresses follow the load balancer's SKU."""
    check(call, body, old)
    if "'publicIPAddressConfiguration': {'name': 'address', 'sku'" in str(body):
        message = "Could not find member 'sku' on object of type 'PublicIPAddressConfiguration'."
        raise bad(message, "InvalidRequestContent")


def test_refused_address_sku_is_left_out(azure: FakeAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale_sets, "check", refuse_skus)
    bot = azure.bot()
    azure.up(bot)
    tried = [one for one in azure.writes() if one == "PUT virtualMachineScaleSets/my-bot"]
    assert len(tried) == 2
    before = len(azure.arm.requests)
    assert changes(azure.up(bot)) == []
    assert azure.writes(before) == []
    assert not azure.plan(bot).changes


def test_other_refusal_of_scale_set_is_raised(
    azure: FakeAzure, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(call: Call, body: dict[str, Any], old: Resource | None) -> None:
        check(call, body, old)
        message = "The parameter 'priority' is invalid."
        raise bad(message, "InvalidParameter")

    monkeypatch.setattr(scale_sets, "check", refuse)
    with pytest.raises(RequestRefusedError, match="priority"):
        azure.up(azure.bot())
    assert azure.writes().count("PUT virtualMachineScaleSets/my-bot") == 1
