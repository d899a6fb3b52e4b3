"""The sidecar beside a real bot: it reports what hangs, and delays no answer."""

import time
from collections.abc import Iterator

import pytest

from tests.support.bot import Bot

_ANSWER_SECONDS = 5
# two looks at the gateway, each with its time limits, on a busy machine
_NOTICE_SECONDS = 60


@pytest.fixture
def watched(bot: Bot) -> Iterator[Bot]:
    """The bot with its sidecar running."""
    bot.sh("systemctl start clawbot-sidecar")
    _await_word(bot, "healthy")
    yield bot
    bot.sh("systemctl kill --kill-whom=main --signal=CONT docker")
    bot.sh("docker unpause openclaw-gateway || true")


def _word(bot: Bot) -> str:
    began = time.monotonic()
    answer = bot.page("/health")
    assert time.monotonic() - began < _ANSWER_SECONDS
    document = answer.json()
    assert document.keys() == {"status"}
    assert answer.status_code == (200 if document["status"] in {"healthy", "degraded"} else 503)
    return str(document["status"])


def _await_word(bot: Bot, word: str) -> float:
    began = time.monotonic()
    while (found := _word(bot)) != word:
        assert time.monotonic() - began < _NOTICE_SECONDS, f"{found}, not {word}"
        time.sleep(0.5)
    return time.monotonic() - began


def test_a_gateway_that_hangs_is_reported_and_so_is_its_return(
    watched: Bot, figures: dict[str, float]
) -> None:
    watched.sh("docker pause openclaw-gateway")
    figures["a hung gateway is reported after, s"] = _await_word(watched, "unhealthy")
    watched.sh("docker unpause openclaw-gateway")
    figures["its return is reported after, s"] = _await_word(watched, "healthy")


def test_a_docker_that_hangs_delays_no_answer(watched: Bot) -> None:
    watched.sh("systemctl kill --kill-whom=main --signal=STOP docker")
    end = time.monotonic() + 15
    while time.monotonic() < end:
        assert _word(watched) in {"healthy", "degraded"}
        time.sleep(0.5)


def test_a_killed_sidecar_comes_back(watched: Bot) -> None:
    watched.sh("systemctl kill --signal=KILL clawbot-sidecar")
    time.sleep(1)
    # Caddy knows no better in between
    while _word(watched) in {"unknown", "starting"}:
        time.sleep(0.2)
    assert _word(watched) == "healthy"


def test_metrics_are_for_the_instance_only(watched: Bot) -> None:
    name = 'clawbot_health{status="healthy"} 1.0'
    assert name in watched.sh("curl --silent http://127.0.0.1:18790/metrics")
    assert "clawbot_" not in watched.page("/metrics").text


def test_it_stays_small(watched: Bot, figures: dict[str, float]) -> None:
    pid = watched.sh("systemctl show -P MainPID clawbot-sidecar").strip()
    rss = int(watched.sh(f"grep VmRSS /proc/{pid}/status").split()[1]) / 1024
    figures["sidecar: RSS, MB"] = rss
    assert rss <= 45
