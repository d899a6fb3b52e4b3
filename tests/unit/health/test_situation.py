from datetime import UTC, datetime
from typing import Final

import pytest

from clawbot_agent.health.finding import Component, State
from clawbot_agent.health.situation import Assessment, assess
from clawbot_agent.health.snapshot import Snapshot
from clawbot_agent.health.verdict import judge
from tests.support.error_refs import error_refs

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
NAMES: Final = ("gateway", "lease", "caddy", "run", "events", "repair")
# state, then codes; "name!" has the figure that makes it count
Look = dict[str, str]


def assessed(looks: Look) -> Assessment:
    """Of a bot whose other components are ok."""
    components = []
    for name in NAMES:
        state, *codes = looks.get(name, "ok").split()
        figures = {"holds": 1.0} if name == "repair" and state == "warning" else {}
        if "under_way" in codes:
            codes.remove("under_way")
            figures = {"under_way": 1.0}
        found = Component(name, State(state), "why", NOW, figures, error_refs(*codes))
        components.append(found)
    return assess(Snapshot(judge(components), NOW, tuple(components), 0, NOW))


@pytest.mark.parametrize(
    ("looks", "situation", "code"),
    [
        ({}, "serving", ""),
        ({"run": "pending", "gateway": "pending", "caddy": "pending"}, "looking", ""),
        ({"run": "starting", "gateway": "failed", "caddy": "failed"}, "starting", ""),
        ({"gateway": "failed"}, "broken", ""),
        ({"gateway": "unknown"}, "broken", ""),
        ({"caddy": "failed"}, "broken", ""),
        # what serves is left alone
        ({"run": "failed KEYVAULT_FORBIDDEN"}, "serving", ""),
        ({"repair": "warning UNIT_FAILED"}, "serving", ""),
        ({"lease": "warning SHARE_HUNG"}, "serving", ""),
        # the boot's run failed
        ({"gateway": "failed", "run": "failed DOCKER_UNAVAILABLE"}, "broken", "DOCKER_UNAVAILABLE"),
        ({"gateway": "failed", "run": "failed KEYVAULT_FORBIDDEN"}, "held", "KEYVAULT_FORBIDDEN"),
        # the next instance meets one of both again
        (
            {"gateway": "failed", "run": "failed UNIT_FAILED SHA256_MISMATCH"},
            "held",
            "SHA256_MISMATCH",
        ),
        # another instance is the bot, or nobody has the share
        ({"gateway": "failed", "lease": "failed LEASE_HELD"}, "held", "LEASE_HELD"),
        ({"gateway": "failed", "lease": "warning SHARE_HUNG"}, "held", "SHARE_HUNG"),
        ({"lease": "failed LEASE_LOST"}, "held", "LEASE_LOST"),
        ({"lease": "failed"}, "broken", ""),
        ({"caddy": "failed CERTIFICATE_NOT_ACCEPTED"}, "held", "CERTIFICATE_NOT_ACCEPTED"),
        # it was drained because it goes
        ({"gateway": "failed", "events": "warning INSTANCE_LEAVING"}, "held", "INSTANCE_LEAVING"),
        # instances before this one failed alike
        ({"gateway": "failed", "repair": "warning UNIT_FAILED"}, "held", "UNIT_FAILED"),
        ({"gateway": "failed", "repair": "unknown"}, "broken", ""),
    ],
)
def test_the_situation(looks: Look, situation: str, code: str) -> None:
    found = assessed(looks)
    assert (found.situation, found.code) == (situation, code)


def test_a_run_that_works_beside_the_bot_is_seen() -> None:
    assert assessed({"run": "ok under_way"}).run_under_way
    assert not assessed({}).run_under_way
