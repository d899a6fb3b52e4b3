"""The overall status, as a table."""

from datetime import UTC, datetime
from typing import Final

import pytest

from clawbot_agent.engine.finding import ComponentState
from clawbot_agent.health.verdict import Component, Overall, judge

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
NAMES: Final = ("gateway", "container", "lease", "caddy", "disk", "memory", "run", "ticket")


def overall_of(**states: str) -> Overall:
    """Return the status of a bot whose other components are ok."""
    components = [
        Component(name, ComponentState(states.get(name, "ok")), "why", NOW)
        for name in reversed(NAMES)
    ]
    return judge(components).overall


@pytest.mark.parametrize(
    ("states", "overall"),
    [
        ({}, "healthy"),
        ({"lease": "absent", "ticket": "absent", "container": "absent"}, "healthy"),
        # the boot's run is under way
        ({"run": "starting"}, "starting"),
        ({"run": "starting", "gateway": "failed", "caddy": "failed"}, "starting"),
        ({"run": "starting", "lease": "failed", "gateway": "failed"}, "starting"),
        # without these the bot is unreachable, or two instances may write the same bot data
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
        # it serves, and needs attention
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
def test_overall_status(states: dict[str, str], overall: str) -> None:
    assert overall_of(**states) == overall


def test_only_healthy_and_degraded_bots_serve() -> None:
    assert {overall for overall in Overall if overall.serves} == {"healthy", "degraded"}


def test_reason_names_the_decisive_component() -> None:
    found = judge(
        [
            Component("gateway", ComponentState.FAILED, "no answer", NOW),
            Component("disk", ComponentState.WARNING, "1 GB free", NOW),
        ]
    )
    assert found.reason == "gateway failed: no answer"
