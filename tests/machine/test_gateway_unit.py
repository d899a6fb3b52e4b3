"""The gateway's systemd unit starts and stops it, for the agent and for an operator."""

import time

import pytest

from tests.support.bot import Bot

UNIT = "clawbot-gateway.service"
# systemd restarts it after 1 s; a restart that has not happened by then does not happen
SETTLED_SECONDS = 6
SLOW_START_SECONDS = 180


def _property(bot: Bot, name: str) -> str:
    return bot.sh(f"systemctl show {UNIT} --property={name} --value").strip()


def _container(bot: Bot, field: str) -> str:
    return bot.sh(f"docker inspect -f '{{{{{field}}}}}' openclaw-gateway").strip()


def _until(bot: Bot, name: str, value: str, *, within: float = SLOW_START_SECONDS) -> None:
    began = time.monotonic()
    while (found := _property(bot, name)) != value:
        assert time.monotonic() - began < within, f"{name} is {found}, not {value}"
        time.sleep(0.5)


@pytest.mark.extended("bot")
def test_docker_stop_by_an_operator_lasts_until_the_next_run(bot: Bot) -> None:
    bot.sh("docker stop openclaw-gateway", timeout=400)
    _until(bot, "ActiveState", "inactive", within=30)
    time.sleep(SETTLED_SECONDS)
    assert _container(bot, ".State.Running") == "false"
    (action,) = bot.plan().stage("gateway")["actions"]
    assert action.startswith("start openclaw-gateway (it ended with status 0)")
    assert bot.run().stage("gateway")["state"] == "changed"
    assert _property(bot, "ActiveState") == "active"


@pytest.mark.extended("bot")
def test_docker_restart_by_an_operator_keeps_the_unit_active(bot: Bot) -> None:
    bot.sh("docker restart openclaw-gateway", timeout=400)
    time.sleep(SETTLED_SECONDS)
    assert _property(bot, "ActiveState") == "active"
    assert _property(bot, "NRestarts") == "0"
    bot.seconds_until_ready(within=SLOW_START_SECONDS)


def test_gateway_restarts_with_docker(bot: Bot) -> None:
    """It stops before Docker stops, and starts when Docker is back, also after a crash."""
    bot.sh("systemctl restart docker.service", timeout=500)
    bot.seconds_until_ready(within=SLOW_START_SECONDS)
    # drained by its unit, not killed with Docker
    assert _container(bot, ".State.Error") == ""
    bot.sh("kill -9 $(systemctl show docker.service --property=MainPID --value)")
    time.sleep(SETTLED_SECONDS)
    _until(bot, "ActiveState", "active")
    bot.seconds_until_ready(within=SLOW_START_SECONDS)


def test_gateway_is_not_restarted_after_it_rejects_its_configuration(bot: Bot) -> None:
    """OpenClaw exits with 78; the run that corrects the configuration starts it."""
    bot.sh('echo \'{"gateway": {"mode": "nonsense"}}\' > /var/lib/clawbot/state/openclaw.json')
    bot.bench.exec(f"systemctl restart {UNIT}", timeout=500)
    _until(bot, "ActiveState", "failed")
    assert _container(bot, ".State.ExitCode") == "78"
    ended = _container(bot, ".State.FinishedAt")
    time.sleep(SETTLED_SECONDS)
    assert _property(bot, "ActiveState") == "failed"
    assert _property(bot, "NRestarts") == "0"
    assert _container(bot, ".State.FinishedAt") == ended
    assert bot.run().document["result"] == "converged"
    bot.seconds_until_ready(within=30)


@pytest.mark.extended("bot")
def test_gateway_started_without_the_unit_is_restarted_under_it(bot: Bot) -> None:
    bot.sh(f"systemctl stop {UNIT}", timeout=400)
    bot.sh("docker start openclaw-gateway")
    (action,) = bot.plan().stage("gateway")["actions"]
    assert UNIT in action
    assert bot.run().document["result"] == "converged"
    assert _property(bot, "ActiveState") == "active"


@pytest.mark.extended("bot")
def test_docker_never_starts_the_gateway_by_itself(bot: Bot) -> None:
    """As after a power cut: recorded as running, without a process and without an active unit."""
    bot.sh(f"systemctl stop {UNIT}", timeout=400)
    bot.sh("docker start openclaw-gateway")
    before = _container(bot, ".State.StartedAt")
    pid = _container(bot, ".State.Pid")
    # Docker first, so that it does not record the end of the process
    bot.sh("systemctl kill --signal=KILL docker.service containerd.service")
    bot.bench.exec(f"kill -9 {pid}")
    bot.sh("until docker info >/dev/null 2>&1; do sleep 0.5; done")
    time.sleep(SETTLED_SECONDS)
    assert _container(bot, ".State.Running") == "false"
    assert _container(bot, ".State.StartedAt") == before
    assert bot.run().document["result"] == "converged"


def test_timer_run_repairs_and_is_otherwise_quiet(bot: Bot) -> None:
    service = "clawbot-reconcile.service"
    bot.sh(f"systemctl start {service}", timeout=900)
    events = len(bot.events())
    bot.sh(f"systemctl start {service}", timeout=900)
    assert [event["event"] for event in bot.events()[events:]] == ["run.finished"]
    bot.sh("docker stop openclaw-gateway", timeout=400)
    bot.sh(f"systemctl start {service}", timeout=900)
    new = bot.events()[events + 1 :]
    assert new[0]["event"] == "run.started"
    assert any(event["event"] == "stage.action" for event in new)
    bot.seconds_until_ready(within=30)
