"""Which failures the timer's runs rest after, and what a stage's repair is called."""

import pytest

from clawbot_agent.azure.errors import KeyVaultForbiddenError
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.engine.actions import ChangeUnit
from clawbot_agent.features.image.errors import ImageNotFoundError
from clawbot_agent.features.registry import all_stages
from clawbot_agent.features.share.errors import ShareNotFoundError
from clawbot_agent.features.share.plan import RefreshTicket
from clawbot_agent.features.state.errors import StateDamagedError, StateNoRoomError
from clawbot_agent.host.docker import DockerUnavailableError
from clawbot_agent.host.http import Sha256MismatchError
from tests.fakes import a_config

STAGES = {stage.name: stage for stage in all_stages().order}
ACTION = ChangeUnit("start", "a.service", "it is down")


@pytest.mark.parametrize(
    ("stage", "error", "paced"),
    [
        ("sysbox", Sha256MismatchError, True),
        ("image", ImageNotFoundError, True),
        ("image", DockerUnavailableError, False),
        # a role, a key, a share: somebody in Azure puts it right, and asking costs nothing
        ("secrets", KeyVaultForbiddenError, False),
        ("share", ShareNotFoundError, False),
        ("lease", StateDamagedError, False),
        ("state", StateNoRoomError, False),
        ("state", StateDamagedError, True),
    ],
)
def test_rests_after(stage: str, error: type[ClawbotError], *, paced: bool) -> None:
    assert STAGES[stage].paced(error("no")) is paced


def test_names_of_repairs() -> None:
    """The keys in self-repairs.json, which metrics have as labels."""
    assert all(stage.repairs(ACTION) == name for name, stage in STAGES.items())
    assert STAGES["share"].repairs(RefreshTicket(a_config(), "none")) == "ticket"


def test_what_azure_gives_and_takes_never_rests_after_a_repair() -> None:
    assert {name for name, stage in STAGES.items() if not stage.repairs_rest} == {
        *("share", "lease", "state", "secrets")
    }
