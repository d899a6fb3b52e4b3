"""Azure announces that it will stop the instance: bot data is safe before the approval."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from tests.bench.azure.imds_document import NAME
from tests.bench.azure.scheduled_events import scheduled_event
from tests.bench.errors import BenchError
from tests.support.bot import Bot
from tests.support.inside import check_databases, connect
from tests.support.openclaw_client import Device, OpenClaw, lost

_REPORT: Final = "/run/clawbot/scheduled-events.json"
_LEAVE_REQUEST: Final = "/run/clawbot/leave.json"
_UNITS: Final = "clawbot-events.service clawbot-reconcile.timer"
_BOOT: Final = "cat /proc/sys/kernel/random/boot_id"
# polls every 2 s; the first one starts the feature
_NOTICED_SECONDS: Final = 15.0


@pytest.fixture
def watching(bot: Bot) -> Iterator[Bot]:
    """Return the bot with a running timer and watcher of scheduled events."""
    bot.sh(f"systemctl start {_UNITS}")
    _await(lambda: _report(bot).get("answered") is not None, _NOTICED_SECONDS)
    yield bot
    bot.bench.azure.set("imds", events=[])
    bot.sh(f"systemctl stop {_UNITS}; rm -f {_REPORT} {_LEAVE_REQUEST}")
    # waits for a run that has started
    bot.sh("systemctl start clawbot-reconcile.service", timeout=400)


def _await(true: Callable[[], object], seconds: float) -> float:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.2)
    return time.monotonic() - began


def _report(bot: Bot) -> dict[str, Any]:
    done = bot.bench.exec(("cat", _REPORT), timeout=30)
    found: dict[str, Any] = json.loads(done.stdout or "{}")
    return found


def _started(bot: Bot) -> dict[str, Any]:
    found: dict[str, Any] = bot.bench.azure.get("imds")["started"]
    return found


def _announce(bot: Bot, kind: str, seconds: float) -> None:
    event = scheduled_event(kind, NAME, seconds=seconds, event_id="E")
    bot.bench.azure.set("imds", events=[event])


def _gateway(bot: Bot) -> str:
    return bot.sh("systemctl is-active clawbot-gateway || true").strip()


def test_terminate_loses_no_bot_data(watching: Bot, figures: dict[str, float]) -> None:
    """Drained, flushed, approved, then a power cut: the next boot has all data."""
    bot = watching
    client = OpenClaw(f"http://{bot.bench.address}", bot.token, Device())
    connect(client, bot.bench.exec, token=bot.token)
    before = check_databases(bot.bench.exec)
    texts = [f"terminate {number}" for number in range(20)]
    for text in texts:
        client.remember(text)
    _announce(bot, "Terminate", 300)
    figures["Terminate announced to noticed, s"] = _await(
        lambda: _report(bot).get("leaving"), _NOTICED_SECONDS
    )
    figures["Terminate announced to approved, s"] = _await(lambda: _started(bot), 250)
    assert _started(bot)["E"]["by"] == "approval"
    client.close()
    assert _gateway(bot) == "inactive"
    assert bot.sh("docker inspect -f '{{.State.Running}}' openclaw-gateway").strip() == "false"
    # no run starts it again
    run = bot.agent("run")
    assert (run.code, "INSTANCE_LEAVING" in run.stderr) == (4, True)
    assert bot.sh("systemctl is-active clawbot-reconcile.timer || true").strip() == "inactive"
    names = [event["event"] for event in bot.events() if event["event"].startswith("scheduled.")]
    assert names[-4:] == [
        f"scheduled.{one}" for one in ("announced", "flushing", "flushed", "approved")
    ]
    bot.bench.azure.set("imds", events=[])
    boot = bot.sh(_BOOT)
    bot.bench.exec("systemctl reboot --force --force", timeout=60)
    _await(lambda: _booted(bot, after=boot), 120)
    bot.seconds_until_ready(within=180)
    bot.agent("status", "--wait", "--json", "--timeout", "120")
    assert not connect(client, bot.bench.exec, token=bot.token), "the device's approval is lost"
    assert lost(texts, client.recall()) == []
    client.close()
    after = check_databases(bot.bench.exec)
    assert after.damaged == {}
    assert after.identity == before.identity != ""


def _booted(bot: Bot, *, after: str) -> bool:
    try:
        done = bot.bench.exec(_BOOT, timeout=30)
    except BenchError:
        return False
    return done.returncode == 0 and done.stdout != after


@pytest.mark.extended("bot")
def test_eviction_does_not_wait_for_a_hung_gateway(
    watching: Bot, figures: dict[str, float]
) -> None:
    bot = watching
    bot.sh("kill -STOP $(docker inspect -f '{{.State.Pid}}' openclaw-gateway)")
    _announce(bot, "Preempt", 30)
    figures["Preempt with a frozen gateway to approved, s"] = _await(lambda: _started(bot), 35)
    assert _started(bot)["E"]["by"] == "approval"
    assert _gateway(bot) in {"inactive", "failed"}


def test_run_under_way_is_interrupted(watching: Bot) -> None:
    """The run waits for a role, and would start the gateway as soon as it is assigned."""
    bot = watching
    bot.bench.azure.set("keyvault", forbidden_for=600)
    bot.sh("systemctl start --no-block clawbot-reconcile.service")
    _await(lambda: _last_run(bot) == "running", 60)
    event = scheduled_event("Terminate", NAME, "another", seconds=300, event_id="E")
    bot.bench.azure.set("imds", events=[event])
    _await(lambda: _report(bot).get("phase") == "flushed", 40)
    assert _last_run(bot) == "interrupted"
    assert _gateway(bot) == "inactive"
    bot.bench.azure.set("keyvault", forbidden_for=0)


def _last_run(bot: Bot) -> str:
    text = (bot.bench.root / "var/lib/clawbot/status.json").read_text()
    return str(json.loads(text)["result"])


@pytest.mark.extended("bot")
def test_canceled_event_restarts_the_bot(watching: Bot) -> None:
    """The event also names another machine, so the agent does not approve it."""
    bot = watching
    event = scheduled_event("Reboot", NAME, "another", seconds=900, event_id="E")
    bot.bench.azure.set("imds", events=[event])
    _await(lambda: _report(bot).get("phase") == "flushed", 60)
    assert _started(bot) == {}
    assert _gateway(bot) == "inactive"
    bot.bench.azure.set("imds", events=[])
    bot.seconds_until_ready(within=120)
    assert _report(bot)["leaving"] is False
    assert bot.sh("systemctl is-active clawbot-reconcile.timer").strip() == "active"


@pytest.mark.extended("bot")
def test_instance_leaves_on_request_and_returns_when_it_is_canceled(watching: Bot) -> None:
    """As the controller requests before a reimage."""
    bot = watching
    done = bot.agent("leave")
    assert (done.code, done.stdout.splitlines()[-1][:5]) == (0, "left:")
    assert _gateway(bot) == "inactive"
    run = bot.agent("run")
    assert (run.code, "INSTANCE_LEAVING" in run.stderr) == (4, True)
    assert bot.agent("leave", "--cancel").code == 0
    bot.seconds_until_ready(within=120)
    assert _report(bot)["leaving"] is False


def test_watcher_uses_little_ram(watching: Bot, figures: dict[str, float]) -> None:
    pid = watching.sh("systemctl show -P MainPID clawbot-events").strip()
    rss = watching.sh(f"grep VmRSS /proc/{pid}/status").split()[1]
    figures["watcher of scheduled events: RSS, MB"] = int(rss) / 1024
    assert int(rss) < 40 * 1024
