"""The repairs of the timer's runs, and their back-off."""

import json
import time
from collections.abc import Iterator
from typing import Any, Final

import pytest

from clawbot_agent.features.image.recipe import VERSION_LABEL
from tests.support.bot import Bot

_SERVICE: Final = "clawbot-reconcile.service"
_REPAIRS: Final = "/var/lib/clawbot/self-repairs.json"
# long enough for a start on a busy machine; after it, an unready gateway counts as broken
_READY_TIMEOUT: Final = 60
_OLD: Final = "clawbot/openclaw:long-ago"
# the stage's actions on a disk with 5 % of free space
_FULL_DISK: Final = """
import dataclasses, json, pathlib
from clawbot_agent.config.load import load_config
from clawbot_agent.host import system_host
from clawbot_agent.host.files import Space
from clawbot_agent.features.disk_space.stage import DiskSpaceStage

config = load_config(pathlib.Path("/etc/clawbot/config.yaml"))
full = lambda _path: Space(100, 5, 100, 50)
host = dataclasses.replace(system_host(deadline=300), space=full)
plan = DiskSpaceStage().look(host, config)
for action in plan.actions:
    action.apply(host)
left = DiskSpaceStage().look(host, config).actions
print(json.dumps([[one.summary for one in these] for these in (plan.actions, left)]))
"""


def _timer_run(bot: Bot) -> dict[str, Any]:
    """Start the timer's service; return the status at its end."""
    bot.bench.exec(f"systemctl start {_SERVICE}", timeout=900)
    return bot.agent("status", "--json").document


def _error(status: dict[str, Any], stage: str) -> dict[str, Any]:
    found = next(one for one in status["stages"] if one["name"] == stage)
    error: dict[str, Any] = found["error"]
    return error


def _repairs(bot: Bot) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(bot.sh(f"cat {_REPAIRS}"))["repairs"]
    return found


def _count(bot: Bot, what: str) -> int:
    exists = bot.bench.exec(f"test -f {_REPAIRS}").returncode == 0
    return int(_repairs(bot).get(what, {}).get("count", 0)) if exists else 0


def _hang(bot: Bot) -> None:
    """Stop every process of the gateway: its port accepts connections and never answers."""
    bot.sh("docker top openclaw-gateway -eo pid | tail -n +2 | xargs kill -STOP")
    assert bot.ready() == {}


def _await_end_of_start(bot: Bot) -> None:
    """Wait until the gateway no longer counts as starting."""
    age = float(bot.sh(f"echo $(($(date +%s) - $(date +%s -d {_started(bot)})))"))
    time.sleep(max(0.0, _READY_TIMEOUT + 1 - age))


def _started(bot: Bot) -> str:
    return bot.sh("docker inspect -f '{{.State.StartedAt}}' openclaw-gateway").strip()


@pytest.fixture
def never_repaired(bot: Bot) -> Iterator[Bot]:
    """Return a bot without earlier repairs; resume hung processes after the test."""
    bot.sh(f"rm -f {_REPAIRS}")
    yield bot
    bot.sh("docker top openclaw-gateway -eo pid | tail -n +2 | xargs kill -CONT")
    bot.sh(f"rm -f {_REPAIRS}")


def test_hung_gateway_is_restarted_once_and_then_backs_off(
    never_repaired: Bot, figures: dict[str, float]
) -> None:
    _assert_repaired_once(never_repaired, figures)


@pytest.mark.extended("bot")
def test_run_by_an_operator_does_not_back_off(
    never_repaired: Bot, figures: dict[str, float]
) -> None:
    bot = never_repaired
    _assert_repaired_once(bot, figures)
    _await_end_of_start(bot)
    assert bot.run().document["result"] == "converged"
    assert bot.ready()["ready"] is True


def _assert_repaired_once(bot: Bot, figures: dict[str, float]) -> None:
    """Hang the gateway twice: the first time it is repaired, the second time it stays hung."""
    bot.configure(gateway={"ready_timeout": _READY_TIMEOUT})
    assert bot.run().document["result"] == "converged"
    _await_end_of_start(bot)
    count, events = _count(bot, "gateway"), len(bot.events())
    _hang(bot)
    began = time.monotonic()
    assert _timer_run(bot)["result"] == "converged"
    figures["repair of a hung gateway by the timer's run, s"] = time.monotonic() - began
    assert bot.ready()["ready"] is True
    assert _repairs(bot)["gateway"]["count"] == count + 1
    assert _repairs(bot)["gateway"]["last_result"] == "repaired"
    assert "repair.done" in [event["event"] for event in bot.events()[events:]]
    # it hangs again soon: the next repair backs off
    _hang(bot)
    started = _started(bot)
    error = _error(_timer_run(bot), "gateway")
    assert error["code"] == "REPAIR_BACKOFF"
    assert _started(bot) == started
    assert _repairs(bot)["gateway"]["count"] == count + 1


def test_hung_caddy_is_restarted(bot: Bot, figures: dict[str, float]) -> None:
    count = _count(bot, "caddy")
    bot.sh("systemctl kill --signal=STOP caddy.service")
    began = time.monotonic()
    assert _timer_run(bot)["result"] == "converged"
    figures["repair of a hung Caddy by the timer's run, s"] = time.monotonic() - began
    assert bot.page().status_code == 200
    assert _repairs(bot)["caddy"]["count"] == count + 1


def test_permanent_failure_backs_off(bot: Bot) -> None:
    """Timer runs do not repeat a build that cannot succeed, and still show its error."""
    bot.configure(openclaw={"image": {"packages": ["no-such-package"]}})
    error = bot.run("image").stage("image")["error"]
    assert error["code"] == "IMAGE_PACKAGE_NOT_FOUND", error
    events = len(bot.events())
    status = _timer_run(bot)
    assert status["result"] == "failed"
    assert _error(status, "image")["code"] == "IMAGE_PACKAGE_NOT_FOUND"
    assert "not tried again before" in _error(status, "image")["message"]
    actions = [e for e in bot.events()[events:] if e["event"] == "stage.action"]
    assert [action for action in actions if action["stage"] == "image"] == []
    assert bot.ready()["ready"] is True
    # another configuration ends the back-off
    bot.configure()
    assert _timer_run(bot)["result"] == "converged"


@pytest.fixture
def full_logs(bot: Bot) -> Iterator[Bot]:
    """Return a bot whose logs are on a small disk that a rotated log nearly fills."""
    bot.sh("mount -t tmpfs -o size=8m tmpfs /var/log && mkdir /var/log/clawbot")
    bot.sh("head -c 7500000 /dev/zero > /var/log/syslog.1 && echo now > /var/log/syslog")
    yield bot
    bot.sh("umount --lazy /var/log")


def test_rotated_logs_are_removed_from_a_nearly_full_disk(full_logs: Bot) -> None:
    bot = full_logs
    count = _count(bot, "disk-space")
    assert _timer_run(bot)["result"] == "converged"
    assert _repairs(bot)["disk-space"]["count"] == count + 1
    assert bot.sh("ls /var/log/syslog*").split() == ["/var/log/syslog"]


def test_only_old_images_are_removed_from_a_nearly_full_disk(bot: Bot) -> None:
    import_old = f"docker import -c 'LABEL {VERSION_LABEL}=1' - {_OLD}"
    bot.sh(f"mkdir -p /root/old && echo {time.time()} > /root/old/file")
    bot.sh(f"tar -C /root/old -c . | {import_old}")
    present = bot.sh("docker inspect -f '{{.Image}}' openclaw-gateway").strip()
    other = bot.sh("docker images -q --no-trunc 'node' | sort -u").split()
    argv = ("/opt/clawbot/current/bin/python3", "-c", _FULL_DISK)
    done = bot.bench.exec(argv, timeout=300)
    assert done.returncode == 0, done.stderr
    planned, left = json.loads(done.stdout)
    assert any(f"remove image {_OLD}" in summary for summary in planned)
    assert left == []
    images = bot.sh("docker images -q --no-trunc").split()
    assert present in images
    assert set(other) <= set(images)
    assert _OLD not in bot.sh("docker images --format '{{.Repository}}:{{.Tag}}'")
    assert bot.run().document["result"] == "converged"
