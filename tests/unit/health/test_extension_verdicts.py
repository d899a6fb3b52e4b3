"""Azure's reaction to the sidecar's answers in everything that can happen to an instance.

The other side is a model (tests/support/health_extension.py) with the settings of the extension
that docs/reference/health.md asks for, and with the shortest grace that a repair policy can have.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from clawbot_agent.health import last_run
from clawbot_agent.records.lease import LeaseState
from tests.support.health_extension import Health, Settings
from tests.unit.health.instance import ME, OTHER, Instance, Service

DOCS: Final = Path(__file__).resolve().parents[3] / "docs/reference/health.md"
INITIALIZING, HEALTHY, UNHEALTHY = Health.INITIALIZING, Health.HEALTHY, Health.UNHEALTHY
UP, HUNG, ABSENT = Service.UP, Service.HUNG, Service.ABSENT
HELD, WAITING = LeaseState.HELD, LeaseState.WAITING
REPORTED_SECONDS: Final = 90
HOUR: Final = 3600
# every way in which the sidecar's looks, the extension's probes and an event can fall together
PHASES: Final = range(0, 30, 3)
FEW_PHASES: Final = PHASES[::4]
Make = Callable[..., Instance]


def documented() -> Settings:
    text = DOCS.read_text()

    def value(name: str) -> int:
        found = re.search(rf'"{name}": (\d+)', text)
        assert found, name
        return int(found[1])

    return Settings(
        interval=value("intervalInSeconds"),
        probes=value("numberOfProbes"),
        grace=value("gracePeriod"),
    )


SETTINGS: Final = documented()
# hours of simulated seconds: tracing would take twice as long as they do
pytestmark = pytest.mark.no_cover


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return a function that switches an instance on."""

    def made(*, phase: int = 0) -> Instance:
        instance = Instance(settings=SETTINGS, phase=phase)
        monkeypatch.setattr(
            last_run, "holder_of", lambda _path: "pid 7" if instance.world.locked else None
        )
        return instance

    return made


def begin_boot(instance: Instance, *, installed_after: int = 90) -> None:
    """Boot until the agent's first run starts."""
    instance.wait(installed_after)
    instance.start_sidecar()
    instance.wait(4)
    instance.world.begin_run()


def end_boot(instance: Instance, *, after: int) -> None:
    """Finish a successful first run."""
    world = instance.world
    instance.wait(after // 4)
    world.lease = HELD
    instance.wait(after // 2)
    world.gateway = UP
    instance.wait(after // 4)
    world.caddy = UP
    instance.wait(2)
    world.end_run()


def boot(instance: Instance, *, after: int = 120) -> Instance:
    begin_boot(instance)
    end_boot(instance, after=after)
    # the policy's grace is over too: from here on it only takes a word
    instance.wait(400)
    assert instance.watched.states == [INITIALIZING, HEALTHY]
    return instance


def run_again(instance: Instance, *, seconds: int = 60) -> None:
    """Run by the timer: find the gateway down and start it."""
    instance.world.begin_run()
    instance.wait(seconds)
    instance.world.gateway = UP
    instance.world.end_run()


def assert_left_alone(instance: Instance) -> None:
    assert instance.watched.repairs.asked is None
    assert UNHEALTHY not in instance.watched.states
    assert Health.UNKNOWN not in instance.watched.states


# --- boots --------------------------------------------------------------------------


@pytest.mark.parametrize("phase", FEW_PHASES)
def test_normal_first_boot(make: Make, phase: int) -> None:
    instance = make(phase=phase)
    begin_boot(instance)
    end_boot(instance, after=240)
    served = instance.now
    instance.wait(900)
    assert instance.watched.states == [INITIALIZING, HEALTHY]
    told = instance.watched.first(HEALTHY)
    assert told is not None
    assert told - served < 45
    assert list(instance.situations())[-1] == "serving"
    assert instance.health() == (200, "healthy")
    assert_left_alone(instance)


def test_progress_is_shown_during_the_boot(make: Make) -> None:
    instance = make()
    begin_boot(instance)
    instance.wait(20)
    assert instance.watched.states == [INITIALIZING]
    assert instance.metrics["situation"] == "starting"
    assert "now apt" in instance.metrics["reason"]


@pytest.mark.parametrize("phase", FEW_PHASES)
@pytest.mark.parametrize("installed_after", [90, 890, 1000])
def test_slow_first_boot(make: Make, phase: int, installed_after: int) -> None:
    """As long as a run may take, after a slow installation."""
    instance = make(phase=phase)
    begin_boot(instance, installed_after=installed_after)
    end_boot(instance, after=1790)
    instance.wait(900)
    assert instance.watched.states == [INITIALIZING, HEALTHY]
    assert_left_alone(instance)


@pytest.mark.parametrize(
    "code", ["KEYVAULT_FORBIDDEN", "SHARE_KEY_WRONG", "KEYVAULT_SECRET_EMPTY", "CADDYFILE_INVALID"]
)
def test_failed_boot_that_a_replacement_does_not_fix(make: Make, code: str) -> None:
    """It is never replaced, while /health reports it unhealthy."""
    instance = make()
    begin_boot(instance)
    instance.wait(300)
    instance.world.end_run(code=code)
    for _ in range(12):
        instance.wait(330)
        instance.world.begin_run()
        instance.wait(30)
        instance.world.end_run(code=code)
    assert_left_alone(instance)
    assert instance.health() == (503, "unhealthy")
    assert (instance.metrics["status"], instance.metrics["code"]) == ("unhealthy", code)
    assert instance.metrics["situation"] == "replacement-suspended"
    run_again(instance)
    instance.world.caddy = UP
    instance.wait(60)
    assert instance.health()[0] == 200
    assert instance.metrics["situation"] == "serving"
    assert_left_alone(instance)


def test_invalid_configuration(make: Make) -> None:
    """The run ends before it writes a status."""
    instance = make()
    instance.wait(90)
    instance.start_sidecar()
    instance.wait(4)
    instance.world.refuse_config()
    instance.wait(2 * HOUR)
    assert_left_alone(instance)
    assert instance.health() == (503, "unhealthy")
    assert instance.metrics["situation"] == "replacement-suspended"
    assert instance.metrics["code"] == "CONFIG_INVALID"
    assert instance.watched.states == [INITIALIZING, HEALTHY]


@pytest.mark.parametrize("phase", FEW_PHASES)
def test_failed_boot_that_a_replacement_may_fix(make: Make, phase: int) -> None:
    instance = make(phase=phase)
    begin_boot(instance)
    instance.wait(700)
    instance.world.end_run(code="DOCKER_UNAVAILABLE")
    failed = instance.now
    instance.wait(300)
    assert instance.watched.states == [INITIALIZING, UNHEALTHY]
    asked = instance.watched.repairs.asked
    assert asked is not None
    assert asked - failed <= REPORTED_SECONDS


def test_third_instance_that_fails_alike_requests_no_replacement(make: Make) -> None:
    instance = make()
    begin_boot(instance)
    instance.wait(700)
    instance.world.suspend_replacement("DOCKER_UNAVAILABLE")
    instance.world.end_run(code="DOCKER_UNAVAILABLE")
    instance.wait(3 * HOUR)
    assert_left_alone(instance)
    assert instance.metrics["situation"] == "replacement-suspended"
    assert instance.metrics["code"] == "DOCKER_UNAVAILABLE"
    assert instance.health() == (503, "unhealthy")


def test_suspension_that_is_known_only_after_the_failure(make: Make) -> None:
    """The agent writes its verdict a little later."""
    instance = make()
    begin_boot(instance)
    instance.wait(700)
    instance.world.end_run(code="DOCKER_UNAVAILABLE")
    instance.wait(20)
    instance.world.suspend_replacement("DOCKER_UNAVAILABLE")
    instance.wait(HOUR)
    assert_left_alone(instance)


# --- the gateway --------------------------------------------------------------------


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("down", [5, 20])
def test_gateway_that_crashes_and_returns(make: Make, phase: int, down: int) -> None:
    instance = boot(make())
    instance.wait(phase)
    for _ in range(6):
        instance.world.gateway = ABSENT
        instance.wait(down)
        instance.world.gateway = UP
        instance.wait(120)
    assert instance.watched.states == [INITIALIZING, HEALTHY]
    assert_left_alone(instance)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("service", [ABSENT, HUNG])
@pytest.mark.parametrize("what", ["gateway", "caddy"])
def test_outage_is_reported_in_time(
    make: Make, phase: int, service: Service, what: str, figures: dict[str, float]
) -> None:
    instance = boot(make())
    instance.wait(phase)
    setattr(instance.world, what, service)
    down = instance.now
    instance.wait(180)
    assert instance.watched.states == [INITIALIZING, HEALTHY, UNHEALTHY]
    reported = (instance.watched.first(UNHEALTHY) or 0) - down
    name = f"model: Azure hears of a {what} that is {service} after, at most, s"
    figures[name] = max(reported, figures.get(name, 0))
    assert reported <= REPORTED_SECONDS
    assert instance.watched.repairs.asked is not None


@pytest.mark.parametrize("phase", PHASES)
def test_busy_gateway_is_no_outage(make: Make, phase: int) -> None:
    """It has one thread; on a small machine an answer may take seconds."""
    instance = boot(make())
    instance.wait(phase)
    instance.world.answer_seconds = 7
    for _ in range(120):
        instance.wait(1)
        assert instance.health() == (200, "healthy")
    assert instance.watched.states == [INITIALIZING, HEALTHY]


def test_gateway_that_never_stays_up_is_an_outage(make: Make) -> None:
    instance = boot(make())
    for _ in range(12):
        instance.world.gateway = ABSENT
        instance.wait(20)
        instance.world.gateway = UP
        instance.wait(8)
    assert UNHEALTHY in instance.watched.states


def test_end_of_an_outage_is_reported(make: Make) -> None:
    instance = boot(make())
    instance.world.gateway = HUNG
    instance.wait(120)
    instance.world.gateway = UP
    back = instance.now
    instance.wait(120)
    assert instance.watched.states == [INITIALIZING, HEALTHY, UNHEALTHY, HEALTHY]
    told = instance.watched.first(HEALTHY, after=back)
    assert told is not None
    assert told - back <= 60


@pytest.mark.parametrize("drained", [30, 330])
def test_agent_replaces_the_gateway(make: Make, drained: int) -> None:
    """A new container image or configuration: a drain, then a slow start."""
    instance = boot(make())
    instance.world.begin_run()
    instance.wait(40)
    instance.world.gateway = ABSENT
    instance.wait(drained)
    instance.wait(170)
    instance.world.gateway = UP
    instance.world.end_run()
    instance.wait(HOUR)
    assert_left_alone(instance)


def test_failed_replacement_of_the_gateway_is_an_outage(make: Make) -> None:
    instance = boot(make())
    instance.world.begin_run()
    instance.wait(40)
    instance.world.gateway = ABSENT
    instance.wait(200)
    instance.world.end_run(code="GATEWAY_NOT_READY")
    failed = instance.now
    instance.wait(200)
    assert instance.watched.states[-1] is UNHEALTHY
    assert (instance.watched.first(UNHEALTHY) or 0) - failed <= REPORTED_SECONDS


# --- the share and the lease ----------------------------------------------------------


@pytest.mark.parametrize("phase", FEW_PHASES)
@pytest.mark.parametrize("gateway", [UP, HUNG])
@pytest.mark.parametrize("away", [70, 200, 2 * HOUR])
def test_share_is_unreachable(make: Make, phase: int, gateway: Service, away: int) -> None:
    """Every instance meets the same share. The gateway may hang with it at once, or later."""
    instance = boot(make())
    instance.wait(phase)
    world = instance.world
    world.share, world.gateway = HUNG, gateway
    instance.wait(away)
    assert_left_alone(instance)
    if away > 88:
        assert instance.metrics["situation"] == "replacement-suspended"
        assert instance.health() == (503, "unhealthy")
    world.share = UP
    if world.lease is WAITING:
        # its own generation, of the daemon's life before
        world.waiting_for = ME
        instance.wait(105)
        world.lease, world.waiting_for = HELD, None
        run_again(instance, seconds=180)
    world.gateway = UP
    instance.wait(900)
    assert instance.watched.states == [INITIALIZING, HEALTHY]
    assert instance.health() == (200, "healthy")
    assert_left_alone(instance)


@pytest.mark.parametrize("phase", PHASES)
def test_data_image_is_copied_after_an_outage_of_the_share(make: Make, phase: int) -> None:
    """The next run copies a data image whose lease was not released, for minutes."""
    instance = boot(make())
    instance.world.share = HUNG
    instance.wait(300 + phase)
    instance.world.share, instance.world.lease = UP, HELD
    instance.wait(2)
    run_again(instance, seconds=500)
    instance.wait(300)
    assert instance.watched.states == [INITIALIZING, HEALTHY]
    assert_left_alone(instance)


def test_gateway_that_does_not_return_after_the_share(make: Make) -> None:
    """The cause is then this instance."""
    instance = boot(make())
    instance.world.share = HUNG
    instance.wait(HOUR)
    instance.world.share, instance.world.lease = UP, HELD
    instance.wait(400)
    assert instance.watched.states[-1] is UNHEALTHY
    assert instance.watched.repairs.asked is not None


# --- reboots and the sidecar itself ---------------------------------------------------


@pytest.mark.parametrize("phase", FEW_PHASES)
def test_reboot(make: Make, phase: int) -> None:
    instance = boot(make())
    instance.wait(phase)
    instance.reboot()
    instance.wait(3)
    instance.world.begin_run()
    end_boot(instance, after=60)
    instance.wait(HOUR)
    assert instance.watched.states == [INITIALIZING, HEALTHY, INITIALIZING, HEALTHY]
    assert_left_alone(instance)


@pytest.mark.parametrize("waits", [600, 3 * HOUR])
def test_reboot_that_waits_for_the_lease_of_another_instance(make: Make, waits: int) -> None:
    """Azure replaced it during the reboot, and the other instance is the bot now."""
    instance = boot(make())
    instance.reboot()
    world = instance.world
    world.begin_run()
    instance.wait(20)
    world.lease, world.waiting_for = WAITING, OTHER
    instance.wait(min(waits, 1800))
    world.end_run(code="LEASE_HELD")
    instance.wait(waits)
    assert_left_alone(instance)
    assert instance.metrics["situation"] == "replacement-suspended"
    assert instance.metrics["code"] == "LEASE_HELD"
    world.lease, world.waiting_for, world.caddy = HELD, None, UP
    run_again(instance, seconds=120)
    instance.wait(HOUR)
    assert instance.watched.states == [INITIALIZING, HEALTHY, INITIALIZING, HEALTHY]
    assert_left_alone(instance)


@pytest.mark.parametrize("phase", FEW_PHASES)
def test_sidecar_restarts_beside_a_serving_bot(make: Make, phase: int) -> None:
    instance = boot(make())
    instance.wait(phase)
    for _ in range(5):
        instance.sidecar = None
        instance.wait(4)
        instance.start_sidecar()
        instance.wait(60)
    assert instance.watched.states == [INITIALIZING, HEALTHY]
    assert_left_alone(instance)


@pytest.mark.parametrize("phase", FEW_PHASES)
def test_sidecar_restarts_while_replacement_is_suspended(make: Make, phase: int) -> None:
    instance = boot(make())
    instance.world.share = HUNG
    instance.wait(200 + phase)
    instance.sidecar = None
    instance.wait(4)
    instance.start_sidecar()
    instance.wait(300)
    assert instance.metrics["situation"] == "replacement-suspended"
    assert_left_alone(instance)


@pytest.mark.parametrize("stuck", ["container", "lease", "run", "ticket", "replacement"])
def test_hanging_check_causes_no_replacement(make: Make, stuck: str) -> None:
    """A hanging systemd or disk; the bot serves all the same."""
    instance = boot(make())
    instance.world.stuck = {stuck}
    instance.wait(2 * HOUR)
    assert instance.health() == (200, "degraded")
    assert_left_alone(instance)
