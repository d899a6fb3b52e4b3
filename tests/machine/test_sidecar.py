"""The sidecar of a real bot: it reports hanging services and answers without delay."""

import time
from collections.abc import Iterator

import pytest

from tests.support.bot import Bot

_ANSWER_SECONDS = 5
# two probes of the gateway, each with its time limits, on a busy machine
_NOTICE_SECONDS = 60


@pytest.fixture
def watched(bot: Bot) -> Iterator[Bot]:
    """Return the bot with a running sidecar."""
    bot.sh("systemctl start clawbot-sidecar")
    _await_status(bot, "healthy")
    yield bot
    bot.sh("systemctl kill --kill-whom=main --signal=CONT docker")
    bot.sh("docker unpause openclaw-gateway || true")


def _overall_status(bot: Bot) -> str:
    began = time.monotonic()
    answer = bot.page("/health")
    assert time.monotonic() - began < _ANSWER_SECONDS
    document = answer.json()
    assert document.keys() == {"status"}
    assert answer.status_code == (200 if document["status"] in {"healthy", "degraded"} else 503)
    return str(document["status"])


def _await_status(bot: Bot, status: str) -> float:
    began = time.monotonic()
    while (found := _overall_status(bot)) != status:
        assert time.monotonic() - began < _NOTICE_SECONDS, f"{found}, not {status}"
        time.sleep(0.5)
    return time.monotonic() - began


def test_hung_gateway_and_its_recovery_are_reported(
    watched: Bot, figures: dict[str, float]
) -> None:
    watched.sh("docker pause openclaw-gateway")
    figures["hung gateway reported after, s"] = _await_status(watched, "unhealthy")
    watched.sh("docker unpause openclaw-gateway")
    figures["recovery of the gateway reported after, s"] = _await_status(watched, "healthy")


def test_hung_docker_delays_no_answer(watched: Bot) -> None:
    watched.sh("systemctl kill --kill-whom=main --signal=STOP docker")
    end = time.monotonic() + 15
    while time.monotonic() < end:
        assert _overall_status(watched) in {"healthy", "degraded"}
        time.sleep(0.5)


def test_killed_sidecar_is_restarted(watched: Bot) -> None:
    watched.sh("systemctl kill --signal=KILL clawbot-sidecar")
    time.sleep(1)
    # Caddy answers "unknown" in between
    while _overall_status(watched) in {"unknown", "starting"}:
        time.sleep(0.2)
    assert _overall_status(watched) == "healthy"


def test_metrics_are_available_on_the_instance_only(watched: Bot) -> None:
    name = 'clawbot_health{status="healthy"} 1.0'
    assert name in watched.sh("curl --silent http://127.0.0.1:18790/metrics")
    assert "clawbot_" not in watched.page("/metrics").text


def test_sidecar_uses_little_ram(watched: Bot, figures: dict[str, float]) -> None:
    pid = watched.sh("systemctl show -P MainPID clawbot-sidecar").strip()
    rss = int(watched.sh(f"grep VmRSS /proc/{pid}/status").split()[1]) / 1024
    figures["sidecar: RSS, MB"] = rss
    assert rss <= 45
