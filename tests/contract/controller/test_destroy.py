"""`destroy`: what is the bot's own goes, what somebody else made or chose stays."""

from clawbot_controller.destroy import destroy
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
