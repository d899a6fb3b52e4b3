"""The model against what the extension itself was seen to do, and its documented rules."""

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
"""As the extension was run by hand."""


def said(state: str | None = None, metrics: object = None) -> Reply:
    body: dict[str, Any] = {}
    if state is not None:
        body["ApplicationHealthState"] = state
    if metrics is not None:
        body["CustomMetrics"] = metrics if isinstance(metrics, str) else json.dumps(metrics)
    return Reply(200, json.dumps(body).encode())


HEALTHY: Final = said("Healthy")
UNHEALTHY: Final = said("Unhealthy")
PROGRESS: Final = said(metrics={"percent": 40})
UNAVAILABLE: Final = Reply(503, b'{"status": "starting"}')


def shown(*replies: Reply, settings: Settings = SEEN_WITH) -> list[str]:
    """The state after each of these replies, one interval apart."""
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
        (said("Healthy", {"a": 1}), "Healthy"),
        # every other state is the extension's own word
        (said("Initializing"), "Unknown"),
        (said("Unknown"), "Unknown"),
        (said("healthy"), "Unknown"),
        (said(""), "Unknown"),
        (said(), "Unknown"),
        (Reply(200, b'{"ApplicationHealthState": true}'), "Unknown"),
        (Reply(200, b'{"ApplicationHealthState": {}}'), "Unknown"),
        # not JSON, or not an object
        (Reply(200, b""), "Unknown"),
        (Reply(200, b"ok"), "Unknown"),
        (Reply(200, b"<html>"), "Unknown"),
        (Reply(200, b'["Healthy"]'), "Unknown"),
        (Reply(200, b'"Healthy"'), "Unknown"),
        # not 2xx
        (Reply(503, HEALTHY.body), "Unknown"),
        (Reply(404, HEALTHY.body), "Unknown"),
        (Reply(199, HEALTHY.body), "Unknown"),
        # a redirect is refused, wherever it leads
        (Reply(301, HEALTHY.body), "Unknown"),
        (Reply(308, HEALTHY.body), "Unknown"),
        (Reply.nothing(), "Unknown"),
    ],
)
def test_what_one_reply_says(reply: Reply, health: str) -> None:
    assert read(reply).health.value == health


@pytest.mark.parametrize("metrics", ["", "{}", "[1]", "no JSON", '"text"'])
def test_metrics_that_are_no_object_spoil_the_reply(metrics: str) -> None:
    assert read(said("Healthy", metrics)) == Reading(Health.UNKNOWN)


def test_metrics_have_to_be_text() -> None:
    body = b'{"ApplicationHealthState": "Healthy", "CustomMetrics": {"a": 1}}'
    assert read(Reply(200, body)) == Reading(Health.UNKNOWN)


def test_metrics_are_read_without_a_state_but_not_without_success() -> None:
    assert read(PROGRESS) == Reading(Health.UNKNOWN, {"percent": 40})
    assert read(Reply(503, PROGRESS.body)) == Reading(Health.UNKNOWN)


# --- seen with the extension itself (interval 5 s, two probes, grace 25 s) ----------


def test_seen_answers_of_503_are_initializing() -> None:
    assert shown(*[UNAVAILABLE] * 5) == ["Initializing"] * 5


def test_seen_metrics_alone_are_initializing_and_shown() -> None:
    extension = Extension(SEEN_WITH)
    for at in (0, 5, 10):
        assert extension.take(PROGRESS, at=at) is Health.INITIALIZING
        assert extension.metrics == {"percent": 40}


def test_seen_a_grace_that_ends_without_a_state_is_unknown() -> None:
    assert shown(*[PROGRESS] * 6) == ["Initializing"] * 5 + ["Unknown"]


def test_seen_healthy_after_two_equal_answers() -> None:
    assert shown(PROGRESS, HEALTHY, HEALTHY) == ["Initializing", "Initializing", "Healthy"]


def test_seen_unhealthy_after_two_equal_answers() -> None:
    assert shown(HEALTHY, HEALTHY, UNHEALTHY, UNHEALTHY)[-3:] == ["Healthy", "Healthy", "Unhealthy"]


# --- rules --------------------------------------------------------------------------


def test_unhealthy_ends_the_grace_too() -> None:
    assert shown(UNHEALTHY, UNHEALTHY, PROGRESS, PROGRESS) == [
        "Initializing",
        "Unhealthy",
        "Unhealthy",
        "Unknown",
    ]


def test_equal_means_one_after_the_other() -> None:
    mixed = [HEALTHY, UNHEALTHY] * 2
    assert shown(*mixed) == ["Initializing"] * 4
    assert shown(HEALTHY, HEALTHY, UNHEALTHY, HEALTHY, UNHEALTHY)[-3:] == ["Healthy"] * 3


def test_after_the_grace_it_can_still_become_healthy() -> None:
    replies = [*[PROGRESS] * 6, HEALTHY, HEALTHY]
    assert shown(*replies)[-3:] == ["Unknown", "Unknown", "Healthy"]


def test_a_healthy_one_that_falls_silent_is_unknown() -> None:
    nothing = Reply.nothing()
    assert shown(HEALTHY, HEALTHY, nothing, nothing)[-2:] == ["Healthy", "Unknown"]


def test_by_default_one_answer_is_enough_and_there_is_no_grace_to_speak_of() -> None:
    assert shown(PROGRESS, PROGRESS, settings=Settings()) == ["Initializing", "Unknown"]
    assert shown(HEALTHY, settings=Settings()) == ["Healthy"]


def test_an_answer_that_does_not_come_delays_the_next_question() -> None:
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
def test_settings_that_its_schema_refuses(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="schema"):
        Settings(**wrong)


# --- automatic repairs --------------------------------------------------------------


@pytest.mark.parametrize("health", ["Unhealthy", "Unknown"])
def test_a_bad_state_is_repaired_once_the_grace_is_over(health: str) -> None:
    repairs = Repairs(grace=600, changed=100)
    assert not repairs.take(Health(health), at=699)
    assert repairs.take(Health(health), at=700)
    assert repairs.asked == 700


@pytest.mark.parametrize("health", ["Healthy", "Initializing"])
def test_the_others_never_are(health: str) -> None:
    repairs = Repairs()
    assert not repairs.take(Health(health), at=1e9)


@pytest.mark.parametrize("grace", [599, 5401])
def test_a_policy_that_azure_refuses(grace: float) -> None:
    with pytest.raises(ValueError, match="PT10M"):
        Repairs(grace=grace)


def test_a_reboot_is_a_new_extension_and_no_change_of_the_instance() -> None:
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
