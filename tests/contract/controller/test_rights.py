"""Who has rights on the resource group alone gets a bot all the same."""

import uuid

from tests.contract.controller.conftest import Ground, changes


def test_what_only_a_subscriptions_reader_sees_is_not_needed(ground: Ground) -> None:
    site = ground.site()
    site.arm.put(site.names.place.id, {"location": "eastus"})
    denied = ["microsoft.compute/skus/read", "microsoft.keyvault/locations/deletedvaults/read"]
    ground.arm.knobs.change({"denied": denied})
    ground.plan(site)
    told = "whether Standard_B2als_v2 is offered in eastus cannot be checked: you may not look"
    assert told in ground.told
    ground.up(site)
    assert not ground.plan(site).changes


def test_a_role_that_somebody_gave_already_is_kept(ground: Ground) -> None:
    site = ground.site()
    ground.up(site)
    kept = 0
    for one in ground.arm.world.of_type("Microsoft.Authorization/roleAssignments"):
        renamed = f"{one.id.rpartition('/')[0]}/{uuid.uuid4()}"
        body = {"properties": {**one.properties}}
        site.arm.delete(one.id)
        site.arm.put(renamed, body)
        kept += 1
    before = len(ground.arm.requests)
    assert changes(ground.up(site)) == []
    assert ground.writes(before) == []
    assert not ground.plan(site).changes
    assert kept == 3


def test_a_role_elsewhere_is_not_the_same(ground: Ground) -> None:
    site = ground.site()
    ground.up(site)
    role = next(
        one
        for one in ground.arm.world.of_type("Microsoft.Authorization/roleAssignments")
        if one.id.startswith(site.names.account_id)
    )
    site.arm.delete(role.id)
    # at the group: wider than asked for, and not ours to rely on
    above = f"{site.names.place.id}/providers/Microsoft.Authorization/roleAssignments"
    site.arm.put(f"{above}/{uuid.uuid4()}", {"properties": {**role.properties}})
    assert changes(ground.up(site)) == [f"create {role.name}"]
