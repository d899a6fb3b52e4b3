"""The situation of a bot, as a table."""

from datetime import UTC, datetime
from typing import Final

import pytest

from clawbot_agent.engine.finding import ComponentState
from clawbot_agent.health.azure_health import Assessment, assess
from clawbot_agent.health.board import Snapshot
from clawbot_agent.health.verdict import Component, judge
from tests.support.error_refs import error_refs

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
NAMES: Final = ("gateway", "lease", "caddy", "run", "events", "replacement")
# component → state, then codes
States = dict[str, str]


def assessed(states: States) -> Assessment:
    """Assess a bot whose other components are ok."""
    components = []
    for name in NAMES:
        state, *codes = states.get(name, "ok").split()
        figures = {"suspended": 1.0} if name == "replacement" and state == "warning" else {}
        if "under_way" in codes:
            codes.remove("under_way")
            figures = {"under_way": 1.0}
        found = Component(name, ComponentState(state), "why", NOW, figures, error_refs(*codes))
        components.append(found)
    return assess(Snapshot(judge(components), NOW, tuple(components), 0, NOW))


@pytest.mark.parametrize(
    ("states", "situation", "code"),
    [
        ({}, "serving", ""),
        ({"run": "pending", "gateway": "pending", "caddy": "pending"}, "checking", ""),
        ({"run": "starting", "gateway": "failed", "caddy": "failed"}, "starting", ""),
        ({"gateway": "failed"}, "broken", ""),
        ({"gateway": "unknown"}, "broken", ""),
        ({"caddy": "failed"}, "broken", ""),
        # a bot that serves is not replaced
        ({"run": "failed KEYVAULT_FORBIDDEN"}, "serving", ""),
        ({"replacement": "warning UNIT_FAILED"}, "serving", ""),
        ({"lease": "warning SHARE_HUNG"}, "serving", ""),
        # the boot's run failed
        ({"gateway": "failed", "run": "failed DOCKER_UNAVAILABLE"}, "broken", "DOCKER_UNAVAILABLE"),
        (
            {"gateway": "failed", "run": "failed KEYVAULT_FORBIDDEN"},
            "replacement-suspended",
            "KEYVAULT_FORBIDDEN",
        ),
        # the next instance meets one of the two errors again
        (
            {"gateway": "failed", "run": "failed UNIT_FAILED SHA256_MISMATCH"},
            "replacement-suspended",
            "SHA256_MISMATCH",
        ),
        # another instance is the bot, or no instance reaches the share
        (
            {"gateway": "failed", "lease": "failed LEASE_HELD"},
            "replacement-suspended",
            "LEASE_HELD",
        ),
        (
            {"gateway": "failed", "lease": "warning SHARE_HUNG"},
            "replacement-suspended",
            "SHARE_HUNG",
        ),
        ({"lease": "failed LEASE_LOST"}, "replacement-suspended", "LEASE_LOST"),
        ({"lease": "failed"}, "broken", ""),
        (
            {"caddy": "failed CERTIFICATE_NOT_ACCEPTED"},
            "replacement-suspended",
            "CERTIFICATE_NOT_ACCEPTED",
        ),
        # it was drained for a shutdown
        (
            {"gateway": "failed", "events": "warning INSTANCE_LEAVING"},
            "replacement-suspended",
            "INSTANCE_LEAVING",
        ),
        # earlier instances failed alike
        (
            {"gateway": "failed", "replacement": "warning UNIT_FAILED"},
            "replacement-suspended",
            "UNIT_FAILED",
        ),
        ({"gateway": "failed", "replacement": "unknown"}, "broken", ""),
    ],
)
def test_situation(states: States, situation: str, code: str) -> None:
    found = assessed(states)
    assert (found.situation, found.code) == (situation, code)


def test_run_beside_the_bot_is_seen() -> None:
    assert assessed({"run": "ok under_way"}).run_under_way
    assert not assessed({}).run_under_way
