"""Resources that were not created for the bot are neither changed nor deleted."""

from typing import Any

import pytest

from clawbot_controller.azure.errors import NotOursError
from clawbot_controller.operations.destroy import destroy, destroy_shared
from clawbot_controller.operations.power import reimage, start, stop, stop_to_zero
from tests.contract.controller.conftest import FakeAzure

OWN = pytest.mark.parametrize("what", ["scale_set_id", "identity_id", "prefix_id", "account_id"])
SHARED = pytest.mark.parametrize("what", ["network_id", "security_group_id", "vault_id"])


def retag(azure: FakeAzure, resource_id: str, tags: dict[str, str]) -> None:
    """Replace the tags of a resource."""
    found = azure.arm.world.find(resource_id)
    assert found is not None
    found.content["tags"] = tags


@OWN
@pytest.mark.parametrize("tags", [{}, {"clawbot-bot": "other"}], ids=["none", "other"])
def test_foreign_resource_with_bots_name_is_not_changed(
    azure: FakeAzure, what: str, tags: dict[str, str]
) -> None:
    bot = azure.bot(address="prefix")
    azure.up(bot)
    retag(azure, getattr(bot.names, what), tags)
    before = len(azure.arm.requests)
    for verb in (azure.plan, azure.up):
        with pytest.raises(NotOursError, match="clawbot-bot"):
            verb(bot)
    with pytest.raises(NotOursError):
        destroy(bot, delete_data=True)
    assert azure.writes(before) == []


@pytest.mark.parametrize("verb", [start, stop, stop_to_zero, reimage])
def test_foreign_scale_set_is_not_changed(azure: FakeAzure, verb: Any) -> None:  # noqa: ANN401 - verbs
    bot = azure.bot()
    azure.up(bot)
    retag(azure, bot.names.scale_set_id, {})
    before = len(azure.arm.requests)
    with pytest.raises(NotOursError):
        verb(bot)
    assert azure.writes(before) == []


@SHARED
def test_foreign_resource_with_shared_name_is_not_changed(azure: FakeAzure, what: str) -> None:
    bot = azure.bot()
    azure.up(bot)
    retag(azure, getattr(bot.shared, what), {"team": "ops"})
    before = len(azure.arm.requests)
    for verb in (azure.plan, azure.up):
        with pytest.raises(NotOursError, match="clawbot-group"):
            verb(bot)
    assert azure.writes(before) == []
    destroy(bot, delete_data=True)
    before = len(azure.arm.requests)
    with pytest.raises(NotOursError):
        destroy_shared([bot])
    assert azure.writes(before) == []


def test_tag_set_by_operator_is_accepted(azure: FakeAzure) -> None:
    bot = azure.bot()
    azure.up(bot)
    retag(azure, bot.names.identity_id, {"Clawbot-Bot": "my-bot"})
    azure.up(bot)
    assert not azure.plan(bot).changes
