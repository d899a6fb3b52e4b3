"""The answer to Azure's health extension, second by second."""

import json
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from clawbot_agent.engine.finding import ComponentState, Finding
from clawbot_agent.health.app import azure_page
from clawbot_agent.health.azure_health import (
    AFTER_SUSPENSION_SECONDS,
    BROKEN_SECONDS,
    MAINTENANCE_SECONDS,
    SERVING_SECONDS,
    AzureHealth,
)
from clawbot_agent.health.board import Board, Cache
from tests.fakes.clock import FakeClock
from tests.support.error_refs import error_refs
from tests.unit.report.test_progress import a_stage, a_status

NAMES: Final = ("gateway", "lease", "caddy", "run", "replacement")
# intervalInSeconds times numberOfProbes, as the controller sets them
EXTENSION_SECONDS: Final = 15
# a check that hangs: every 10 s, 8 s for one, 5 s of slack
NOTICE_SECONDS: Final = 23


@dataclass
class Instance:
    """The judging thread of a sidecar, second by second."""

    clock: FakeClock = field(default_factory=FakeClock)
    azure: AzureHealth = field(default_factory=AzureHealth)

    def __post_init__(self) -> None:
        """Start the checks."""
        self.cache = Cache(self.clock)
        for name in NAMES:
            self.cache.expect(name, good_for=1e6)
        self.board = Board(
            cache=self.cache, names=NAMES, clock=self.clock, followers=(self.azure.follow,)
        )
        self.page = azure_page(self.board, self.azure)

    def find(self, *codes: str, under_way: bool = False, **states: str) -> None:
        """Store a finding about each: ok, except `states`; `codes` are the run's."""
        for name in NAMES:
            figures = {"under_way": 1.0} if name == "run" and under_way else {}
            state = ComponentState(states.get(name, "ok"))
            found = Finding(
                state, "the reason", figures, error_refs(*codes) if name == "run" else ()
            )
            self.cache.put(name, found)

    def pass_time(self, seconds: float) -> str:
        """Return the state after so long."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.board.renew()
        return self.state

    @property
    def document(self) -> dict[str, Any]:
        """Return the answer to the extension."""
        response = self.page()
        assert response.status == 200
        found: dict[str, Any] = json.loads(response.body)
        return found

    @property
    def state(self) -> str:
        """Return the extension's reading of it."""
        return str(self.document.get("ApplicationHealthState", "Initializing"))


@pytest.fixture
def instance() -> Instance:
    return Instance()


@pytest.fixture
def healthy(instance: Instance) -> Instance:
    """After a first boot."""
    instance.find(run="starting", gateway="failed", caddy="failed")
    assert instance.pass_time(300) == "Initializing"
    instance.find()
    assert instance.pass_time(SERVING_SECONDS - 1) == "Initializing"
    assert instance.pass_time(2) == "Healthy"
    return instance


def test_extension_can_read_the_answer(instance: Instance) -> None:
    """CustomMetrics is a string with a JSON object that is not empty and has flat values."""
    instance.find("KEYVAULT_FORBIDDEN", run="failed", gateway="failed")
    instance.pass_time(1)
    document = instance.document
    assert document.keys() == {"ApplicationHealthState", "CustomMetrics"}
    metrics = json.loads(document["CustomMetrics"])
    assert metrics == {
        "status": "unhealthy",
        "situation": "replacement-suspended",
        "since": "2026-01-01T00:00:01+00:00",
        "code": "KEYVAULT_FORBIDDEN",
        "reason": "gateway failed: the reason",
        "state": "preparing",
        "percent": 0,
        "stage": "",
    }


def test_instance_view_shows_the_progress_of_the_boot(instance: Instance) -> None:
    instance.find(run="starting", gateway="failed")
    stages = [a_stage("apt", state="changed"), a_stage("image", state="running")]
    found = Finding(ComponentState.STARTING, "1 of 2", run=a_status("running", *stages))
    instance.cache.put("run", found)
    instance.pass_time(1)
    metrics = json.loads(instance.document["CustomMetrics"])
    assert (metrics["state"], metrics["percent"], metrics["stage"]) == ("running", 50, "image")


def test_answer_has_no_state_during_the_boot(instance: Instance) -> None:
    """The extension then reports Initializing, and the metrics, during its grace period."""
    assert instance.document.keys() == {"CustomMetrics"}
    instance.find(run="starting", gateway="failed", caddy="failed", lease="failed")
    instance.pass_time(3600)
    assert instance.document.keys() == {"CustomMetrics"}


def test_outage_is_reported_within_90_s(healthy: Instance) -> None:
    healthy.find(gateway="failed")
    assert healthy.pass_time(BROKEN_SECONDS) == "Healthy"
    assert healthy.pass_time(1) == "Unhealthy"
    # the bot is judged once a second, the extension counts probes
    assert NOTICE_SECONDS + BROKEN_SECONDS + 2 + EXTENSION_SECONDS <= 90


def test_restart_of_the_gateway_is_no_outage(healthy: Instance) -> None:
    for _ in range(5):
        healthy.find(gateway="failed")
        assert healthy.pass_time(25) == "Healthy"
        healthy.find()
        assert healthy.pass_time(SERVING_SECONDS + 1) == "Healthy"


def test_repeated_crashes_of_the_gateway_are_an_outage(healthy: Instance) -> None:
    """Serving for some seconds between two crashes does not restart the count."""
    states = []
    for _ in range(4):
        healthy.find(gateway="failed")
        states.append(healthy.pass_time(20))
        healthy.find()
        states.append(healthy.pass_time(SERVING_SECONDS - 2))
    assert states[-1] == "Unhealthy"


def test_recovery_is_reported_after_serving_for_a_while(healthy: Instance) -> None:
    healthy.find(gateway="failed")
    assert healthy.pass_time(BROKEN_SECONDS + 1) == "Unhealthy"
    healthy.find()
    assert healthy.pass_time(SERVING_SECONDS) == "Unhealthy"
    assert healthy.pass_time(1) == "Healthy"


@pytest.mark.parametrize("code", ["KEYVAULT_FORBIDDEN", "SHARE_SERVER_UNREACHABLE", "LEASE_HELD"])
def test_failed_boot_that_a_replacement_does_not_fix(instance: Instance, code: str) -> None:
    """Neither Unhealthy nor no state: after the grace period Azure replaces for both."""
    instance.find(run="starting", gateway="failed")
    assert instance.pass_time(60) == "Initializing"
    instance.find(code, run="failed", gateway="failed")
    assert instance.pass_time(1) == "Healthy"
    assert instance.pass_time(7200) == "Healthy"
    assert json.loads(instance.document["CustomMetrics"])["situation"] == "replacement-suspended"


def test_failed_boot_that_a_replacement_may_fix(instance: Instance) -> None:
    instance.find(run="starting", gateway="failed")
    instance.pass_time(60)
    instance.find("DOCKER_UNAVAILABLE", run="failed", gateway="failed")
    assert instance.pass_time(BROKEN_SECONDS) == "Initializing"
    assert instance.pass_time(1) == "Unhealthy"


def test_failure_before_the_boots_run_is_no_outage_after_it(instance: Instance) -> None:
    """After a long installation the sidecar may start some seconds before the run."""
    instance.find(run="warning", gateway="failed")
    instance.pass_time(3)
    instance.find(run="starting", gateway="failed")
    instance.pass_time(600)
    instance.find(caddy="failed")
    assert instance.pass_time(BROKEN_SECONDS) == "Initializing"
    instance.find()
    assert instance.pass_time(SERVING_SECONDS + 1) == "Healthy"


def test_error_found_later_withdraws_the_request(healthy: Instance) -> None:
    healthy.find(gateway="failed")
    assert healthy.pass_time(BROKEN_SECONDS + 1) == "Unhealthy"
    healthy.find("GATEWAY_CONFIG_REFUSED", run="failed", gateway="failed")
    assert healthy.pass_time(1) == "Healthy"


def test_bot_has_time_to_recover_after_the_share_is_back(healthy: Instance) -> None:
    healthy.find("SHARE_SERVER_UNREACHABLE", run="failed", gateway="failed")
    healthy.pass_time(600)
    healthy.find(gateway="failed")
    assert healthy.pass_time(AFTER_SUSPENSION_SECONDS) == "Healthy"
    assert healthy.pass_time(1) == "Unhealthy"


def test_gateway_that_the_agent_replaces_is_no_outage(healthy: Instance) -> None:
    """A busy gateway is given 330 s to end its sessions before the new one starts."""
    healthy.find(under_way=True)
    healthy.pass_time(5)
    healthy.find(under_way=True, gateway="failed")
    assert healthy.pass_time(400) == "Healthy"
    healthy.find()
    assert healthy.pass_time(SERVING_SECONDS + 1) == "Healthy"
    healthy.find(gateway="failed")
    assert healthy.pass_time(BROKEN_SECONDS + 1) == "Unhealthy"


def test_run_that_leaves_the_gateway_down_gets_no_more_time(healthy: Instance) -> None:
    healthy.find(under_way=True, gateway="failed")
    assert healthy.pass_time(100) == "Healthy"
    healthy.find(gateway="failed")
    assert healthy.pass_time(BROKEN_SECONDS + 2) == "Unhealthy"


def test_run_that_never_ends_has_limited_time(healthy: Instance) -> None:
    healthy.find(under_way=True, gateway="failed")
    assert healthy.pass_time(MAINTENANCE_SECONDS) == "Healthy"
    assert healthy.pass_time(1) == "Unhealthy"


def test_run_that_finds_an_outage_does_not_hide_it(healthy: Instance) -> None:
    """The timer's run may repair for minutes; the outage is reported all the same."""
    healthy.find(gateway="failed")
    healthy.pass_time(10)
    healthy.find(gateway="failed", under_way=True)
    assert healthy.pass_time(BROKEN_SECONDS - 9) == "Unhealthy"


def test_restarted_sidecar_reports_a_serving_bot_at_once(
    instance: Instance,
) -> None:
    """A long silence becomes Unknown in the extension, which counts as not healthy."""
    assert instance.pass_time(3) == "Initializing"
    instance.find()
    assert instance.pass_time(1) == "Healthy"


def test_sidecar_with_a_stale_board_reports_nothing(healthy: Instance) -> None:
    healthy.clock.advance(60)
    assert healthy.page().status == 503
