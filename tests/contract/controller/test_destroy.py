"""`destroy` deletes the bot's own resources and keeps the operator's."""

import re

import pytest

from clawbot_controller.azure.errors import ForbiddenError
from clawbot_controller.operations.destroy import destroy, destroy_shared
from tests.bench.arm.faults import FaultKind
from tests.contract.controller.conftest import FakeAzure

CHOSEN = {"secrets": {"gateway_token": "team-token"}}


def test_secret_with_name_chosen_by_operator_is_kept(azure: FakeAzure) -> None:
    bot = azure.bot(bot=CHOSEN)
    azure.up(bot)
    destroy(bot, delete_data=True)
    assert set(azure.arm.secrets(bot.shared.vault)) == {"team-token"}
    assert "the secret team-token is kept: you chose its name" in azure.lines


def test_own_secret_no_longer_named_in_file_is_deleted(azure: FakeAzure) -> None:
    azure.up(azure.bot())
    bot = azure.bot(bot=CHOSEN)
    azure.up(bot)
    vault = bot.shared.vault
    assert set(azure.arm.secrets(vault)) == {"my-bot-gateway-token", "team-token"}
    destroy(bot, delete_data=True)
    assert set(azure.arm.secrets(vault)) == {"team-token"}
    roles = [one for one in azure.arm.resources() if "/roleAssignments/" in one]
    # of the operator
    assert len(roles) == 1


def test_vault_with_other_secret_is_kept(azure: FakeAzure) -> None:
    """Otherwise it would be purged with the last bot."""
    bot = azure.bot(bot=CHOSEN)
    azure.up(bot)
    azure.destroy_all(bot)
    assert set(azure.arm.secrets(bot.shared.vault)) == {"team-token"}
    assert azure.arm.deleted_vaults() == []
    assert azure.lines[-1] == "network and vault are kept: the vault still contains team-token"


def test_destroy_with_purge_protected_vault_continues_after_interruption(azure: FakeAzure) -> None:
    """The second call finds a deleted vault that cannot be purged."""
    bot = azure.bot()
    azure.up(bot)
    vault = bot.arm.get(bot.shared.vault_id) or {}
    kept = {"tenantId", "sku", "enableRbacAuthorization", "enableSoftDelete"}
    properties = {name: value for name, value in vault["properties"].items() if name in kept}
    properties |= {"enablePurgeProtection": True, "softDeleteRetentionInDays": 30}
    body = {name: vault[name] for name in ("location", "tags")} | {"properties": properties}
    bot.arm.put(bot.shared.vault_id, body)
    destroy(bot, delete_data=True)
    azure.arm.faults.add(FaultKind.FORBIDDEN, method="DELETE", path="virtualNetworks", times=99)
    with pytest.raises(ForbiddenError):
        destroy_shared([bot])
    azure.arm.faults.clear()
    azure.destroy_all(bot)
    lines = [line for line in azure.lines if "remains soft-deleted" in line]
    assert lines[0].endswith("without cost, for 30 days, because its vault has purge protection")
    assert lines[1].endswith("without cost, for 30 days, because it has purge protection")
    assert re.search(
        r"without cost, until 20\d\d-\d\d-\d\d, because it has purge protection", lines[-1]
    )
    assert azure.arm.resources() == []
