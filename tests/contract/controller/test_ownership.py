"""What was there before and was not made for the bot is neither changed nor deleted."""

from typing import Any

import pytest

from clawbot_controller.azure.errors import NotOursError
from clawbot_controller.operations.destroy import destroy, destroy_shared
from clawbot_controller.operations.power import reimage, start, stop, to_zero
from tests.contract.controller.conftest import Ground

OWN = pytest.mark.parametrize("what", ["scale_set_id", "identity_id", "prefix_id", "account_id"])
SHARED = pytest.mark.parametrize("what", ["network_id", "security_group_id", "vault_id"])


def retag(ground: Ground, resource_id: str, tags: dict[str, str]) -> None:
    """Give a resource other tags, and none beside them."""
    found = ground.arm.world.find(resource_id)
    assert found is not None
    found.content["tags"] = tags


@OWN
@pytest.mark.parametrize("tags", [{}, {"clawbot-bot": "other"}], ids=["none", "other"])
def test_a_bots_part_of_somebody_else(ground: Ground, what: str, tags: dict[str, str]) -> None:
    site = ground.site(address="prefix")
    ground.up(site)
    retag(ground, getattr(site.names, what), tags)
    before = len(ground.arm.requests)
    for verb in (ground.plan, ground.up):
        with pytest.raises(NotOursError, match="clawbot-bot"):
            verb(site)
    with pytest.raises(NotOursError):
        destroy(site, delete_data=True)
    assert ground.writes(before) == []


@pytest.mark.parametrize("verb", [start, stop, to_zero, reimage])
def test_an_instance_of_somebody_else(ground: Ground, verb: Any) -> None:  # noqa: ANN401 - verbs
    site = ground.site()
    ground.up(site)
    retag(ground, site.names.scale_set_id, {})
    before = len(ground.arm.requests)
    with pytest.raises(NotOursError):
        verb(site)
    assert ground.writes(before) == []


@SHARED
def test_a_shared_part_of_somebody_else(ground: Ground, what: str) -> None:
    site = ground.site()
    ground.up(site)
    retag(ground, getattr(site.shared, what), {"team": "ops"})
    before = len(ground.arm.requests)
    for verb in (ground.plan, ground.up):
        with pytest.raises(NotOursError, match="clawbot-group"):
            verb(site)
    assert ground.writes(before) == []
    destroy(site, delete_data=True)
    before = len(ground.arm.requests)
    with pytest.raises(NotOursError):
        destroy_shared([site])
    assert ground.writes(before) == []


def test_a_tag_that_the_operator_sets_is_an_answer(ground: Ground) -> None:
    site = ground.site()
    ground.up(site)
    retag(ground, site.names.identity_id, {"Clawbot-Bot": "my-bot"})
    ground.up(site)
    assert not ground.plan(site).changes
