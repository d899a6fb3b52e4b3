"""Which failures and repairs back off in the timer's runs, and the names of repairs."""

import pytest

from clawbot_agent.azure.errors import KeyVaultForbiddenError
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.engine.actions import ChangeUnit
from clawbot_agent.features.image.errors import ImageNotFoundError
from clawbot_agent.features.registry import all_stages
from clawbot_agent.features.share.actions import RefreshTicket
from clawbot_agent.features.share.errors import ShareNotFoundError
from clawbot_agent.features.state.errors import StateDamagedError, StateNoSpaceError
from clawbot_agent.host.docker import DockerUnavailableError
from clawbot_agent.host.http import Sha256MismatchError
from tests.fakes import a_config

STAGES = {stage.name: stage for stage in all_stages().order}
ACTION = ChangeUnit("start", "a.service", "not running")


@pytest.mark.parametrize(
    ("stage", "error", "backs_off"),
    [
        ("sysbox", Sha256MismatchError, True),
        ("image", ImageNotFoundError, True),
        ("image", DockerUnavailableError, False),
        # roles, keys and shares are corrected in Azure, and a retry is cheap
        ("secrets", KeyVaultForbiddenError, False),
        ("share", ShareNotFoundError, False),
        ("lease", StateDamagedError, False),
        ("state", StateNoSpaceError, False),
        ("state", StateDamagedError, True),
    ],
)
def test_stage_backs_off_after(stage: str, error: type[ClawbotError], *, backs_off: bool) -> None:
    assert STAGES[stage].backs_off(error("no")) is backs_off


def test_repairs_are_named_after_their_stage_or_the_ticket() -> None:
    """The names are keys in self-repairs.json and labels of metrics."""
    assert all(stage.repairs(ACTION) == name for name, stage in STAGES.items())
    assert STAGES["share"].repairs(RefreshTicket(a_config(), "none")) == "ticket"


def test_repairs_of_stages_that_depend_on_azure_never_back_off() -> None:
    assert {name for name, stage in STAGES.items() if not stage.repairs_back_off} == {
        *("share", "lease", "state", "secrets")
    }
