"""A bare machine becomes a bot, with the real programs, on a separate bench."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.bench import product
from tests.bench.bench import Bench
from tests.support.bot import Bot, Done
from tests.support.workers import alone_with_the_image, bench_name

STAGES = {
    "apt",
    "docker",
    "firewall",
    "sysbox",
    "share",
    "secrets",
    "lease",
    "disk-space",
    "state",
    "image",
    "openclaw-config",
    "gateway",
    "caddy",
    "image-archive",
}


@dataclass(frozen=True, slots=True)
class FirstRun:
    """Observations after the first run on a bare machine, with a wrong Sysbox hash."""

    bot: Bot
    run: Done
    ready: dict[str, Any]
    title: str
    upgrade: str
    sysbox_files: str


@pytest.fixture(scope="module")
def first() -> Iterator[FirstRun]:
    """Return the first run, without a container image on the share and with a wrong Sysbox hash."""
    with Bench(bench_name("first-run"), say=print) as bench:
        bot = Bot(bench)
        bot.install()
        bot.configure(sysbox={"sha256": "0" * 64})
        with alone_with_the_image(bench.cache_dir):
            run = bot.run()
            product.keep_images(bench)
        assert run.code == 0, run.stdout + run.stderr
        # the packages, and files of the same name outside the agent
        traces = (
            "dpkg-query -W -f '${Package} ' 'sysbox*' 2>/dev/null; "
            "find / -xdev -path /proc -prune -o -path /opt -prune -o -name '*sysbox*' -print"
        )
        yield FirstRun(
            bot=bot,
            run=run,
            ready=bot.ready(),
            title=bot.page().text.partition("<title>")[2].partition("<")[0],
            upgrade=bot.upgrade(),
            sysbox_files=bench.exec(traces).stdout,
        )


@pytest.fixture(scope="module")
def converged(first: FirstRun) -> Bot:
    """Return the bot after a second run with the right hash."""
    first.bot.configure()
    first.bot.settle()
    return first.bot


def test_first_run_starts_the_bot(first: FirstRun) -> None:
    """Page, WebSocket and readiness work, although the optional Sysbox was not installed."""
    states = first.run.states()
    assert states.pop("sysbox") == "degraded"
    # the state is on the machine's own disk
    assert states.pop("lease") == "skipped"
    # its disk has free space
    assert states.pop("disk-space") == "unchanged"
    assert set(states.values()) == {"changed"}
    assert first.run.document["result"] == "degraded"
    assert first.ready["ready"] is True
    assert "OpenClaw" in first.title
    assert first.upgrade.startswith("HTTP/1.1 101")


def test_wrong_sysbox_hash_installs_nothing(first: FirstRun) -> None:
    error = first.run.stage("sysbox")["error"]
    assert error["code"] == "SHA256_MISMATCH"
    assert error["retryable"] is False
    assert error["hint"]
    assert first.sysbox_files.strip() == ""


def test_status_has_every_stage(first: FirstRun) -> None:
    assert set(first.run.states()) == STAGES


def test_sandbox_runtime_is_installed_with_the_right_hash(bot: Bot) -> None:
    runtimes = bot.sh("docker info --format '{{json .Runtimes}}'")
    assert "sysbox-runc" in runtimes
    assert bot.sh("dpkg-query -W -f '${Status}' sysbox-ce") == "install ok installed"
    # the gateway itself stays on runc
    assert bot.sh("docker inspect -f '{{.HostConfig.Runtime}}' openclaw-gateway").strip() == "runc"


def test_second_run_changes_nothing(bot: Bot, first: FirstRun, figures: dict[str, float]) -> None:
    run = bot.run()
    states = run.states()
    assert states.pop("lease") == "skipped"
    assert set(states.values()) == {"unchanged"}
    assert all(stage["reason"] for stage in run.document["stages"])
    figures["first run --stage all, s"] = first.run.seconds
    figures["second run --stage all, s"] = run.seconds
    assert run.seconds < first.run.seconds / 10
    assert bot.plan("--exit-code").code == 0


def test_plan_names_what_drifted_and_run_repairs_it(bot: Bot) -> None:
    bot.sh("docker stop openclaw-gateway", timeout=400)
    bot.sh("rm /etc/caddy/Caddyfile")
    bot.sh("sed -i 's|172.20.0.1/16|172.21.0.1/16|' /etc/docker/daemon.json")
    plan = bot.plan("--exit-code")
    assert plan.code == 3
    changed = {name for name, verdict in plan.states().items() if verdict == "change"}
    assert changed == {"docker", "gateway", "caddy"}
    run = bot.run()
    assert run.code == 0, run.stdout
    repaired = {name for name, state in run.states().items() if state == "changed"}
    assert repaired == {"docker", "gateway", "caddy"}
    assert bot.ready()["ready"] is True
    assert "OpenClaw" in bot.page().text
    assert "172.20.0.1" in bot.sh("ip -4 addr show docker0")


def test_daemon_json_keeps_foreign_settings(bot: Bot) -> None:
    bot.sh(
        """jq '. + {"max-concurrent-downloads": 2}' /etc/docker/daemon.json > /tmp/d.json
        cp /tmp/d.json /etc/docker/daemon.json"""
    )
    bot.sh('sed -i \'s/"max-size": "10m"/"max-size": "1m"/\' /etc/docker/daemon.json')
    assert bot.run().stage("docker")["state"] == "changed"
    found = bot.sh("cat /etc/docker/daemon.json")
    assert '"max-concurrent-downloads": 2' in found
    assert '"max-size": "10m"' in found


def test_new_instance_loads_the_image_from_the_share(bot: Bot, figures: dict[str, float]) -> None:
    """As after a replacement: no image, no container, an unchanged share."""
    built = bot.sh("docker inspect -f '{{.Id}}' clawbot/openclaw:2026.9.6")
    bot.sh("docker rm -f openclaw-gateway; docker rmi clawbot/openclaw:2026.9.6", timeout=300)
    run = bot.run()
    assert run.document["result"] == "converged"
    assert run.stage("image")["reason"].startswith("load clawbot/openclaw:2026.9.6 from ")
    assert bot.sh("docker inspect -f '{{.Id}}' clawbot/openclaw:2026.9.6") == built
    figures["image loaded from the share, s"] = run.stage("image")["seconds"]


def test_gateway_is_restarted_after_kill_9(
    bot: Bot, first: FirstRun, figures: dict[str, float]
) -> None:
    """Within 15 s, on a busy machine within the time of the first start; once in three attempts."""
    limit = max(15, 1.2 * first.run.stage("gateway")["seconds"])
    for _ in range(3):
        seconds = _seconds_after_kill_9(bot)
        if seconds < limit:
            break
    figures["serving again after kill -9, s"] = seconds
    assert seconds < limit


def _seconds_after_kill_9(bot: Bot) -> float:
    """Kill the gateway's process; return the seconds until another one is ready."""
    before = int(bot.sh("docker inspect -f '{{.State.Pid}}' openclaw-gateway"))
    # the child of the container's init process
    bot.sh(f"kill -9 $(pgrep --oldest --parent {before})")
    time.sleep(0.5)
    seconds = bot.seconds_until_ready(within=60) + 0.5
    after = int(bot.sh("docker inspect -f '{{.State.Pid}}' openclaw-gateway"))
    assert after != before
    return seconds


def test_gateway_listens_on_loopback_only(bot: Bot) -> None:
    listening = bot.sh("ss -Hltn 'sport = :18789'")
    assert [line.split()[3] for line in listening.splitlines()] == ["127.0.0.1:18789"]


def test_headers_do_not_name_the_server(bot: Bot) -> None:
    answer = bot.page()
    assert "Server" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_status_analyze_and_logs_show_the_run(bot: Bot) -> None:
    bot.run()
    shown = bot.agent("status")
    assert shown.code == 0
    assert "converged" in shown.stdout
    compact = bot.agent("status", "--compact")
    assert len(compact.stdout.encode()) <= 4096
    analysis = bot.agent("analyze")
    assert re.search(r"critical path: .*gateway", analysis.stdout)
    assert bot.agent("logs", "gateway").stdout.strip()
