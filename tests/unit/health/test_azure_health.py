import json
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from clawbot_agent.health.app import azure_page
from clawbot_agent.health.azure_health import (
    AFTER_HOLD_SECONDS,
    BROKEN_SECONDS,
    MAINTENANCE_SECONDS,
    SERVING_SECONDS,
    AzureHealth,
)
from clawbot_agent.health.cache import Cache
from clawbot_agent.health.finding import Finding, State
from clawbot_agent.health.snapshot import Board
from tests.fakes.clock import FakeClock
from tests.support.error_refs import error_refs
from tests.unit.report.test_progress import a_stage, a_status

NAMES: Final = ("gateway", "lease", "caddy", "run", "repair")
# intervalInSeconds times numberOfProbes, as docs/reference/health.md asks for
EXTENSION_SECONDS: Final = 15
# a look that does not come back: every 10 s, 8 s for one, 5 s of slack
NOTICE_SECONDS: Final = 23


@dataclass
class Instance:
    """The judging thread of a sidecar, second by second."""

    clock: FakeClock = field(default_factory=FakeClock)
    azure: AzureHealth = field(default_factory=AzureHealth)

    def __post_init__(self) -> None:
        """Begin to look."""
        self.cache = Cache(self.clock)
        for name in NAMES:
            self.cache.expect(name, good_for=1e6)
        self.board = Board(
            cache=self.cache, names=NAMES, clock=self.clock, followers=(self.azure.follow,)
        )
        self.page = azure_page(self.board, self.azure)

    def look(self, *codes: str, under_way: bool = False, **states: str) -> None:
        """Have all looked at: ok, except `states`; `codes` are the run's."""
        for name in NAMES:
            figures = {"under_way": 1.0} if name == "run" and under_way else {}
            state = State(states.get(name, "ok"))
            found = Finding(
                state, "the reason", figures, error_refs(*codes) if name == "run" else ()
            )
            self.cache.put(name, found)

    def pass_time(self, seconds: float) -> str:
        """The word after so long."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.board.renew()
        return self.word

    @property
    def document(self) -> dict[str, Any]:
        """What the extension gets."""
        response = self.page()
        assert response.status == 200
        found: dict[str, Any] = json.loads(response.body)
        return found

    @property
    def word(self) -> str:
        """What the extension makes of it."""
        return str(self.document.get("ApplicationHealthState", "Initializing"))


@pytest.fixture
def instance() -> Instance:
    return Instance()


@pytest.fixture
def healthy(instance: Instance) -> Instance:
    """After a first boot."""
    instance.look(run="starting", gateway="failed", caddy="failed")
    assert instance.pass_time(300) == "Initializing"
    instance.look()
    assert instance.pass_time(SERVING_SECONDS - 1) == "Initializing"
    assert instance.pass_time(2) == "Healthy"
    return instance


def test_the_extension_can_read_it(instance: Instance) -> None:
    """CustomMetrics is a string with a JSON object that is not empty and has flat values."""
    instance.look("KEYVAULT_FORBIDDEN", run="failed", gateway="failed")
    instance.pass_time(1)
    document = instance.document
    assert document.keys() == {"ApplicationHealthState", "CustomMetrics"}
    metrics = json.loads(document["CustomMetrics"])
    assert metrics == {
        "status": "unhealthy",
        "situation": "held",
        "since": "2026-01-01T00:00:01+00:00",
        "code": "KEYVAULT_FORBIDDEN",
        "reason": "gateway failed: the reason",
        "state": "preparing",
        "percent": 0,
        "stage": "",
    }


def test_the_instance_view_shows_how_far_the_boot_is(instance: Instance) -> None:
    instance.look(run="starting", gateway="failed")
    stages = [a_stage("apt", state="changed"), a_stage("image", state="running")]
    found = Finding(State.STARTING, "1 of 2", story=a_status("running", *stages))
    instance.cache.put("run", found)
    instance.pass_time(1)
    metrics = json.loads(instance.document["CustomMetrics"])
    assert (metrics["state"], metrics["percent"], metrics["stage"]) == ("running", 50, "image")


def test_while_it_starts_no_state_is_told(instance: Instance) -> None:
    """The extension then says Initializing and shows the metrics, for as long as its grace."""
    assert instance.document.keys() == {"CustomMetrics"}
    instance.look(run="starting", gateway="failed", caddy="failed", lease="failed")
    instance.pass_time(3600)
    assert instance.document.keys() == {"CustomMetrics"}


def test_an_outage_is_told_within_90_seconds(healthy: Instance) -> None:
    healthy.look(gateway="failed")
    assert healthy.pass_time(BROKEN_SECONDS) == "Healthy"
    assert healthy.pass_time(1) == "Unhealthy"
    # the judging thread looks once a second, the extension counts probes
    assert NOTICE_SECONDS + BROKEN_SECONDS + 2 + EXTENSION_SECONDS <= 90


def test_a_restart_of_the_gateway_is_no_outage(healthy: Instance) -> None:
    for _ in range(5):
        healthy.look(gateway="failed")
        assert healthy.pass_time(25) == "Healthy"
        healthy.look()
        assert healthy.pass_time(SERVING_SECONDS + 1) == "Healthy"


def test_a_gateway_that_comes_and_goes_is_one(healthy: Instance) -> None:
    """Serving for some seconds between two crashes does not start the count anew."""
    words = []
    for _ in range(4):
        healthy.look(gateway="failed")
        words.append(healthy.pass_time(20))
        healthy.look()
        words.append(healthy.pass_time(SERVING_SECONDS - 2))
    assert words[-1] == "Unhealthy"


def test_well_again_is_told_after_it_has_served_for_a_while(healthy: Instance) -> None:
    healthy.look(gateway="failed")
    assert healthy.pass_time(BROKEN_SECONDS + 1) == "Unhealthy"
    healthy.look()
    assert healthy.pass_time(SERVING_SECONDS) == "Unhealthy"
    assert healthy.pass_time(1) == "Healthy"


@pytest.mark.parametrize("code", ["KEYVAULT_FORBIDDEN", "SHARE_SERVER_UNREACHABLE", "LEASE_HELD"])
def test_a_boot_that_fails_where_replacing_does_not_help(instance: Instance, code: str) -> None:
    """Neither Unhealthy nor nothing: after the extension's grace Azure replaces for both."""
    instance.look(run="starting", gateway="failed")
    assert instance.pass_time(60) == "Initializing"
    instance.look(code, run="failed", gateway="failed")
    assert instance.pass_time(1) == "Healthy"
    assert instance.pass_time(7200) == "Healthy"
    assert json.loads(instance.document["CustomMetrics"])["situation"] == "held"


def test_a_boot_that_fails_where_replacing_helps(instance: Instance) -> None:
    instance.look(run="starting", gateway="failed")
    instance.pass_time(60)
    instance.look("DOCKER_UNAVAILABLE", run="failed", gateway="failed")
    assert instance.pass_time(BROKEN_SECONDS) == "Initializing"
    assert instance.pass_time(1) == "Unhealthy"


def test_what_was_broken_before_the_boots_run_is_no_outage_after_it(instance: Instance) -> None:
    """After a long installation the sidecar may be there some seconds before the run."""
    instance.look(run="warning", gateway="failed")
    instance.pass_time(3)
    instance.look(run="starting", gateway="failed")
    instance.pass_time(600)
    instance.look(caddy="failed")
    assert instance.pass_time(BROKEN_SECONDS) == "Initializing"
    instance.look()
    assert instance.pass_time(SERVING_SECONDS + 1) == "Healthy"


def test_an_error_found_later_takes_the_request_back(healthy: Instance) -> None:
    healthy.look(gateway="failed")
    assert healthy.pass_time(BROKEN_SECONDS + 1) == "Unhealthy"
    healthy.look("GATEWAY_CONFIG_REFUSED", run="failed", gateway="failed")
    assert healthy.pass_time(1) == "Healthy"


def test_after_the_share_is_back_the_bot_has_time_to_follow(healthy: Instance) -> None:
    healthy.look("SHARE_SERVER_UNREACHABLE", run="failed", gateway="failed")
    healthy.pass_time(600)
    healthy.look(gateway="failed")
    assert healthy.pass_time(AFTER_HOLD_SECONDS) == "Healthy"
    assert healthy.pass_time(1) == "Unhealthy"


def test_a_gateway_that_the_agent_replaces_is_no_outage(healthy: Instance) -> None:
    """A busy gateway is given 330 s to end its sessions before the new one starts."""
    healthy.look(under_way=True)
    healthy.pass_time(5)
    healthy.look(under_way=True, gateway="failed")
    assert healthy.pass_time(400) == "Healthy"
    healthy.look()
    assert healthy.pass_time(SERVING_SECONDS + 1) == "Healthy"
    healthy.look(gateway="failed")
    assert healthy.pass_time(BROKEN_SECONDS + 1) == "Unhealthy"


def test_a_run_that_leaves_it_down_gets_no_more_time(healthy: Instance) -> None:
    healthy.look(under_way=True, gateway="failed")
    assert healthy.pass_time(100) == "Healthy"
    healthy.look(gateway="failed")
    assert healthy.pass_time(BROKEN_SECONDS + 2) == "Unhealthy"


def test_a_run_that_never_ends_gets_no_endless_time(healthy: Instance) -> None:
    healthy.look(under_way=True, gateway="failed")
    assert healthy.pass_time(MAINTENANCE_SECONDS) == "Healthy"
    assert healthy.pass_time(1) == "Unhealthy"


def test_a_run_that_finds_an_outage_does_not_hide_it(healthy: Instance) -> None:
    """The timer's run tries to repair for minutes; Azure is told all the same."""
    healthy.look(gateway="failed")
    healthy.pass_time(10)
    healthy.look(gateway="failed", under_way=True)
    assert healthy.pass_time(BROKEN_SECONDS - 9) == "Unhealthy"


def test_a_sidecar_started_anew_beside_a_bot_that_serves_says_so_at_once(
    instance: Instance,
) -> None:
    """A long silence would become Unknown in the extension, which counts as not healthy."""
    assert instance.pass_time(3) == "Initializing"
    instance.look()
    assert instance.pass_time(1) == "Healthy"


def test_a_sidecar_that_no_longer_looks_says_nothing(healthy: Instance) -> None:
    healthy.clock.advance(60)
    assert healthy.page().status == 503
