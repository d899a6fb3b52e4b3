"""What an edited file asks of a bot that runs."""

import pytest

from clawbot_controller.errors import ShareInUseError
from clawbot_controller.operations.power import stop, to_zero
from tests.contract.controller.conftest import Ground

BY_KEY, BY_IDENTITY = ({"share": {"auth": one}} for one in ("account-key", "managed-identity"))


@pytest.mark.parametrize(("before", "after"), [(BY_KEY, BY_IDENTITY), (BY_IDENTITY, BY_KEY)])
def test_the_way_to_the_memory_changes_between_two_instances(
    ground: Ground, before: dict[str, object], after: dict[str, object]
) -> None:
    ground.up(ground.site(bot=before))
    site = ground.site(bot=after)
    seen = len(ground.arm.requests)
    for verb in (ground.plan, ground.up):
        with pytest.raises(ShareInUseError, match="would lose its memory"):
            verb(site)
    assert ground.writes(seen) == []
    # it would be started with the old custom data
    stop(site)
    with pytest.raises(ShareInUseError):
        ground.up(site)
    to_zero(site)
    ground.up(site)
    assert not ground.plan(site).changes


def test_reserved_addresses_that_are_no_longer_asked_for(ground: Ground) -> None:
    ground.up(ground.site(address="prefix"))
    site = ground.site()
    for verb in (ground.plan, ground.up):
        ground.told.clear()
        verb(site)
        assert any("my-bot-addresses are still there, billed" in one for one in ground.told)
    assert site.arm.get(site.names.prefix_id) is not None
    ground.destroy_all(site)
    assert ground.arm.resources() == []
