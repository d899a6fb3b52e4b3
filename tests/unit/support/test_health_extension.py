"""The model, compared with the observed extension and its documented rules."""

import json
from typing import Any, Final

import pytest

from tests.support.health_extension import (
    Extension,
    Health,
    Reading,
    Repairs,
    Reply,
    Settings,
    Watched,
    read,
)

SEEN_WITH: Final = Settings(interval=5, probes=2, grace=25)
"""The settings of the observed extension."""


def reply_of(state: str | None = None, metrics: object = None) -> Reply:
    body: dict[str, Any] = {}
    if state is not None:
        body["ApplicationHealthState"] = state
    if metrics is not None:
        body["CustomMetrics"] = metrics if isinstance(metrics, str) else json.dumps(metrics)
    return Reply(200, json.dumps(body).encode())


HEALTHY: Final = reply_of("Healthy")
UNHEALTHY: Final = reply_of("Unhealthy")
PROGRESS: Final = reply_of(metrics={"percent": 40})
UNAVAILABLE: Final = Reply(503, b'{"status": "starting"}')


def shown(*replies: Reply, settings: Settings = SEEN_WITH) -> list[str]:
    """Return the state after each of these replies, one interval apart."""
    extension = Extension(settings)
    return [
        extension.take(reply, at=number * settings.interval).value
        for number, reply in enumerate(replies)
    ]


# --- one reply --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "health"),
    [
        (HEALTHY, "Healthy"),
        (UNHEALTHY, "Unhealthy"),
        (Reply(204, HEALTHY.body), "Healthy"),
        (reply_of("Healthy", {"a": 1}), "Healthy"),
        # only the extension itself uses the other states
        (reply_of("Initializing"), "Unknown"),
        (reply_of("Unknown"), "Unknown"),
        (reply_of("healthy"), "Unknown"),
        (reply_of(""), "Unknown"),
        (reply_of(), "Unknown"),
        (Reply(200, b'{"ApplicationHealthState": true}'), "Unknown"),
        (Reply(200, b'{"ApplicationHealthState": {}}'), "Unknown"),
        # not a JSON object
        (Reply(200, b""), "Unknown"),
        (Reply(200, b"ok"), "Unknown"),
        (Reply(200, b"<html>"), "Unknown"),
        (Reply(200, b'["Healthy"]'), "Unknown"),
        (Reply(200, b'"Healthy"'), "Unknown"),
        # not 2xx
        (Reply(503, HEALTHY.body), "Unknown"),
        (Reply(404, HEALTHY.body), "Unknown"),
        (Reply(199, HEALTHY.body), "Unknown"),
        # a redirect is refused, whatever its target
        (Reply(301, HEALTHY.body), "Unknown"),
        (Reply(308, HEALTHY.body), "Unknown"),
        (Reply.nothing(), "Unknown"),
    ],
)
def test_reply_is_read(reply: Reply, health: str) -> None:
    assert read(reply).health.value == health


@pytest.mark.parametrize("metrics", ["", "{}", "[1]", "no JSON", '"text"'])
def test_metrics_that_are_not_an_object_invalidate_the_reply(metrics: str) -> None:
    assert read(reply_of("Healthy", metrics)) == Reading(Health.UNKNOWN)


def test_metrics_must_be_a_string() -> None:
    body = b'{"ApplicationHealthState": "Healthy", "CustomMetrics": {"a": 1}}'
    assert read(Reply(200, body)) == Reading(Health.UNKNOWN)


def test_metrics_are_read_without_a_state_but_not_without_success() -> None:
    assert read(PROGRESS) == Reading(Health.UNKNOWN, {"percent": 40})
    assert read(Reply(503, PROGRESS.body)) == Reading(Health.UNKNOWN)


# --- observed with the extension (interval 5 s, two probes, grace 25 s) --------------


def test_observed_503_is_initializing() -> None:
    assert shown(*[UNAVAILABLE] * 5) == ["Initializing"] * 5


def test_observed_metrics_without_a_state_are_initializing_and_shown() -> None:
    extension = Extension(SEEN_WITH)
    for at in (0, 5, 10):
        assert extension.take(PROGRESS, at=at) is Health.INITIALIZING
        assert extension.metrics == {"percent": 40}


def test_observed_grace_without_a_state_ends_as_unknown() -> None:
    assert shown(*[PROGRESS] * 6) == ["Initializing"] * 5 + ["Unknown"]


def test_observed_healthy_after_two_equal_answers() -> None:
    assert shown(PROGRESS, HEALTHY, HEALTHY) == ["Initializing", "Initializing", "Healthy"]


def test_observed_unhealthy_after_two_equal_answers() -> None:
    assert shown(HEALTHY, HEALTHY, UNHEALTHY, UNHEALTHY)[-3:] == ["Healthy", "Healthy", "Unhealthy"]


# --- rules --------------------------------------------------------------------------


def test_unhealthy_ends_the_grace_period() -> None:
    assert shown(UNHEALTHY, UNHEALTHY, PROGRESS, PROGRESS) == [
        "Initializing",
        "Unhealthy",
        "Unhealthy",
        "Unknown",
    ]


def test_equal_answers_must_be_consecutive() -> None:
    mixed = [HEALTHY, UNHEALTHY] * 2
    assert shown(*mixed) == ["Initializing"] * 4
    assert shown(HEALTHY, HEALTHY, UNHEALTHY, HEALTHY, UNHEALTHY)[-3:] == ["Healthy"] * 3


def test_instance_can_become_healthy_after_the_grace_period() -> None:
    replies = [*[PROGRESS] * 6, HEALTHY, HEALTHY]
    assert shown(*replies)[-3:] == ["Unknown", "Unknown", "Healthy"]


def test_healthy_instance_without_answers_becomes_unknown() -> None:
    nothing = Reply.nothing()
    assert shown(HEALTHY, HEALTHY, nothing, nothing)[-2:] == ["Healthy", "Unknown"]


def test_by_default_one_answer_suffices_and_the_grace_is_minimal() -> None:
    assert shown(PROGRESS, PROGRESS, settings=Settings()) == ["Initializing", "Unknown"]
    assert shown(HEALTHY, settings=Settings()) == ["Healthy"]


def test_missing_answer_delays_the_next_probe() -> None:
    extension = Extension(SEEN_WITH)
    assert extension.wait(HEALTHY) == 5
    assert extension.wait(Reply.nothing()) == 30


@pytest.mark.parametrize(
    "wrong",
    [
        {"interval": 4},
        {"interval": 61},
        {"probes": 0},
        {"probes": 25},
        {"interval": 60, "probes": 5},
        {"grace": 4},
        {"grace": 14401},
    ],
)
def test_settings_outside_the_schema_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="schema"):
        Settings(**wrong)


# --- automatic repairs --------------------------------------------------------------


@pytest.mark.parametrize("health", ["Unhealthy", "Unknown"])
def test_bad_state_is_repaired_after_the_grace_period(health: str) -> None:
    repairs = Repairs(grace=600, changed=100)
    assert not repairs.take(Health(health), at=699)
    assert repairs.take(Health(health), at=700)
    assert repairs.asked == 700


@pytest.mark.parametrize("health", ["Healthy", "Initializing"])
def test_other_states_are_never_repaired(health: str) -> None:
    repairs = Repairs()
    assert not repairs.take(Health(health), at=1e9)


@pytest.mark.parametrize("grace", [599, 5401])
def test_grace_outside_azures_bounds_is_refused(grace: float) -> None:
    with pytest.raises(ValueError, match="PT10M"):
        Repairs(grace=grace)


def test_reboot_restarts_the_extension_but_not_the_grace_period() -> None:
    watched = Watched(Extension(SEEN_WITH), Repairs(grace=600))
    for at in (0, 5):
        watched.take(HEALTHY, at=at)
    watched.rebooted(at=1000)
    watched.take(PROGRESS, at=1005)
    assert watched.states == ["Initializing", "Healthy", "Initializing"]
    assert watched.repairs.asked is None
    for at in (1030, 1035):
        watched.take(PROGRESS, at=at)
    assert watched.repairs.asked == 1030
    assert watched.first(Health.UNKNOWN) == 1030
    assert [metrics for _, metrics in watched.metrics] == [None, {"percent": 40}]
