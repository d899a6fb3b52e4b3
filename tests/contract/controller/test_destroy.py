"""`destroy`: what is the bot's own goes, what somebody else made or chose stays."""

import re

import pytest

from clawbot_controller.azure.errors import ForbiddenError
from clawbot_controller.operations.destroy import destroy, destroy_shared
from tests.bench.arm.faults import FaultKind
from tests.contract.controller.conftest import Ground

CHOSEN = {"secrets": {"gateway_token": "team-token"}}


def test_a_secret_that_the_operator_chose_is_kept(ground: Ground) -> None:
    site = ground.site(bot=CHOSEN)
    ground.up(site)
    destroy(site, delete_data=True)
    assert set(ground.arm.secrets(site.shared.vault)) == {"team-token"}
    assert "the secret team-token is kept: chosen by you" in ground.told


def test_what_an_edited_file_no_longer_names_goes_as_well(ground: Ground) -> None:
    ground.up(ground.site())
    site = ground.site(bot=CHOSEN)
    ground.up(site)
    vault = site.shared.vault
    assert set(ground.arm.secrets(vault)) == {"my-bot-gateway-token", "team-token"}
    destroy(site, delete_data=True)
    assert set(ground.arm.secrets(vault)) == {"team-token"}
    roles = [one for one in ground.arm.resources() if "/roleAssignments/" in one]
    # the operator's own
    assert len(roles) == 1


def test_a_vault_that_holds_somebody_elses_secret_is_kept(ground: Ground) -> None:
    """With the last bot the vault would be purged, and what a person put there with it."""
    site = ground.site(bot=CHOSEN)
    ground.up(site)
    ground.destroy_all(site)
    assert set(ground.arm.secrets(site.shared.vault)) == {"team-token"}
    assert ground.arm.deleted_vaults() == []
    assert ground.told[-1] == "network and vault are kept: the vault still holds team-token"


def test_a_protected_vault_is_no_obstacle_for_who_was_interrupted(ground: Ground) -> None:
    """It cannot be purged; the second call has to know that of a vault that is deleted already."""
    site = ground.site()
    ground.up(site)
    vault = site.arm.get(site.shared.vault_id) or {}
    kept = {"tenantId", "sku", "enableRbacAuthorization", "enableSoftDelete"}
    properties = {name: value for name, value in vault["properties"].items() if name in kept}
    properties |= {"enablePurgeProtection": True, "softDeleteRetentionInDays": 30}
    body = {name: vault[name] for name in ("location", "tags")} | {"properties": properties}
    site.arm.put(site.shared.vault_id, body)
    destroy(site, delete_data=True)
    ground.arm.faults.add(FaultKind.FORBIDDEN, method="DELETE", path="virtualNetworks", times=99)
    with pytest.raises(ForbiddenError):
        destroy_shared([site])
    ground.arm.faults.clear()
    ground.destroy_all(site)
    lines = [line for line in ground.told if "stays deleted" in line]
    assert lines[0].endswith("unbilled, for 30 days: its vault has purge protection")
    assert lines[1].endswith("unbilled, for 30 days: it has purge protection")
    assert re.search(r"unbilled, until 20\d\d-\d\d-\d\d: it has purge protection", lines[-1])
    assert ground.arm.resources() == []
