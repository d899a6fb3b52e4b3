"""Who has rights on the resource group alone gets a bot all the same."""

from tests.contract.controller.conftest import Ground


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
