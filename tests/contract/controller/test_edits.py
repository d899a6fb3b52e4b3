"""Edits of the file of a running bot."""

import pytest

from clawbot_controller.errors import ShareInUseError
from clawbot_controller.operations.power import stop, stop_to_zero
from tests.contract.controller.conftest import FakeAzure

BY_KEY, BY_IDENTITY = ({"share": {"auth": one}} for one in ("account-key", "managed-identity"))


@pytest.mark.parametrize(("before", "after"), [(BY_KEY, BY_IDENTITY), (BY_IDENTITY, BY_KEY)])
def test_share_authentication_changes_only_without_instance(
    azure: FakeAzure, before: dict[str, object], after: dict[str, object]
) -> None:
    azure.up(azure.bot(bot=before))
    bot = azure.bot(bot=after)
    seen = len(azure.arm.requests)
    for verb in (azure.plan, azure.up):
        with pytest.raises(ShareInUseError, match="would lose its bot data"):
            verb(bot)
    assert azure.writes(seen) == []
    # a started instance would have the old custom data
    stop(bot)
    with pytest.raises(ShareInUseError):
        azure.up(bot)
    stop_to_zero(bot)
    azure.up(bot)
    assert not azure.plan(bot).changes


def test_reserved_addresses_no_longer_in_file_are_reported(azure: FakeAzure) -> None:
    azure.up(azure.bot(address="prefix"))
    bot = azure.bot()
    for verb in (azure.plan, azure.up):
        azure.lines.clear()
        verb(bot)
        assert any(
            "my-bot-addresses: no longer in the file, but still billed" in one
            for one in azure.lines
        )
    assert bot.arm.get(bot.names.prefix_id) is not None
    azure.destroy_all(bot)
    assert azure.arm.resources() == []
