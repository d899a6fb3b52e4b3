"""Rights on the resource group are sufficient."""

import uuid

from tests.contract.controller.conftest import FakeAzure, changes


def test_right_to_read_subscription_is_not_needed(azure: FakeAzure) -> None:
    bot = azure.bot()
    bot.arm.put(bot.names.place.id, {"location": "eastus"})
    denied = ["microsoft.compute/skus/read", "microsoft.keyvault/locations/deletedvaults/read"]
    azure.arm.knobs.change({"denied": denied})
    azure.plan(bot)
    line = "cannot check whether Standard_B2als_v2 is offered in eastus: "
    assert any(one.startswith(line) for one in azure.lines)
    azure.up(bot)
    assert not azure.plan(bot).changes


def test_role_assigned_under_another_name_is_kept(azure: FakeAzure) -> None:
    bot = azure.bot()
    azure.up(bot)
    kept = 0
    for one in azure.arm.world.of_type("Microsoft.Authorization/roleAssignments"):
        renamed = f"{one.id.rpartition('/')[0]}/{uuid.uuid4()}"
        body = {"properties": {**one.properties}}
        bot.arm.delete(one.id)
        bot.arm.put(renamed, body)
        kept += 1
    before = len(azure.arm.requests)
    assert changes(azure.up(bot)) == []
    assert azure.writes(before) == []
    assert not azure.plan(bot).changes
    assert kept == 3


def test_role_at_another_scope_does_not_count(azure: FakeAzure) -> None:
    bot = azure.bot()
    azure.up(bot)
    role = next(
        one
        for one in azure.arm.world.of_type("Microsoft.Authorization/roleAssignments")
        if one.id.startswith(bot.names.account_id)
    )
    bot.arm.delete(role.id)
    # at the group: wider than required, and not under the control of this bot
    above = f"{bot.names.place.id}/providers/Microsoft.Authorization/roleAssignments"
    bot.arm.put(f"{above}/{uuid.uuid4()}", {"properties": {**role.properties}})
    assert changes(azure.up(bot)) == [f"create {role.name}"]
