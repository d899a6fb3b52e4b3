from datetime import UTC, datetime
from typing import Final

import pytest

from clawbot_agent.health.finding import Component, State
from clawbot_agent.health.verdict import Overall, judge

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
NAMES: Final = ("gateway", "container", "lease", "caddy", "disk", "memory", "run", "ticket")


def word(**states: str) -> Overall:
    """The verdict on a bot whose other components are ok."""
    components = [
        Component(name, State(states.get(name, "ok")), "why", NOW) for name in reversed(NAMES)
    ]
    return judge(components).overall


@pytest.mark.parametrize(
    ("states", "overall"),
    [
        ({}, "healthy"),
        ({"lease": "absent", "ticket": "absent", "container": "absent"}, "healthy"),
        # the boot's run is under way: whatever is not there yet, is coming
        ({"run": "starting"}, "starting"),
        ({"run": "starting", "gateway": "failed", "caddy": "failed"}, "starting"),
        ({"run": "starting", "lease": "failed", "gateway": "failed"}, "starting"),
        # without these nobody reaches the bot, or two instances write one memory
        ({"gateway": "failed"}, "unhealthy"),
        ({"gateway": "unknown"}, "unhealthy"),
        ({"caddy": "failed"}, "unhealthy"),
        ({"caddy": "unknown"}, "unhealthy"),
        ({"lease": "failed"}, "unhealthy"),
        ({"gateway": "failed", "run": "failed"}, "unhealthy"),
        ({"gateway": "failed", "caddy": "pending"}, "unhealthy"),
        # the sidecar has just started
        ({"gateway": "pending"}, "starting"),
        ({"caddy": "pending"}, "starting"),
        ({"lease": "pending"}, "starting"),
        ({"run": "pending"}, "starting"),
        ({"disk": "pending", "ticket": "pending"}, "healthy"),
        # it serves, and somebody should look
        ({"lease": "warning"}, "degraded"),
        ({"lease": "unknown"}, "degraded"),
        ({"caddy": "warning"}, "degraded"),
        ({"container": "failed"}, "degraded"),
        ({"container": "unknown"}, "degraded"),
        ({"disk": "failed"}, "degraded"),
        ({"memory": "warning"}, "degraded"),
        ({"run": "failed"}, "degraded"),
        ({"run": "warning"}, "degraded"),
        ({"ticket": "failed"}, "degraded"),
    ],
)
def test_the_word(states: dict[str, str], overall: str) -> None:
    assert word(**states) == overall


def test_only_who_serves_is_answered_with_200() -> None:
    assert {overall for overall in Overall if overall.serves} == {"healthy", "degraded"}


def test_the_reason_names_what_decided() -> None:
    found = judge(
        [
            Component("gateway", State.FAILED, "no answer", NOW),
            Component("disk", State.WARNING, "1 GB free", NOW),
        ]
    )
    assert found.reason == "gateway failed: no answer"
