"""A change that fails must not stop a working gateway."""

import time

import pytest

from tests.support.bot import Bot


def _container(bot: Bot) -> str:
    return bot.sh("docker inspect -f '{{.Id}} {{.State.StartedAt}}' openclaw-gateway")


def test_old_gateway_serves_when_its_replacement_never_gets_ready(bot: Bot) -> None:
    """The gateway in the changed image exits at once with a message."""
    before = _container(bot)
    tag = bot.sh("docker inspect -f '{{.Config.Image}}' openclaw-gateway").strip()
    bot.sh(f"docker tag {tag} clawbot-test/good:1")
    broken = bot.bench.root / "root/broken"
    broken.mkdir()
    (broken / "openclaw").write_text("#!/bin/sh\necho no gateway today >&2\nexit 3\n")
    (broken / "openclaw").chmod(0o755)
    (broken / "Dockerfile").write_text(f"FROM {tag}\nCOPY openclaw /usr/local/bin/openclaw\n")
    bot.sh(f"docker build -q -t {tag} /root/broken && rm -r /root/broken", timeout=300)
    run = bot.run("gateway")
    error = run.stage("gateway")["error"]
    assert run.code == 1
    assert "no gateway today" in error["message"]
    assert _container(bot) == before
    assert bot.ready()["ready"] is True
    bot.sh(f"docker tag clawbot-test/good:1 {tag} && docker rmi clawbot-test/good:1")


def test_every_field_that_drifted_is_named_and_repaired(bot: Bot) -> None:
    """A container without restrictions, created by hand, replaces the agent's."""
    tag = bot.sh("docker inspect -f '{{.Config.Image}}' openclaw-gateway").strip()
    bot.sh("docker rm -f openclaw-gateway")
    bot.sh(
        "docker run -d --name openclaw-gateway -p 0.0.0.0:18789:18789 -u 0 "
        # sleep as process 1 would ignore the usual signal
        "--cap-add NET_ADMIN --stop-signal KILL "
        f"{tag} sleep 1000"
    )
    plan = bot.plan()
    text = " ".join(plan.stage("gateway")["actions"])
    for field in ("User", "PortBindings", "SecurityOpt", "CapDrop", "CapAdd", "Binds", "Init"):
        assert field in text, text
    assert bot.run().document["result"] == "converged"
    assert bot.sh("docker inspect -f '{{.HostConfig.CapAdd}}' openclaw-gateway").strip() == "[]"


@pytest.mark.parametrize(
    ("delay", "memory"), [pytest.param(1.0, 3, marks=pytest.mark.extended("bot")), (6.0, 4)]
)
def test_killed_run_is_completed_by_the_next(bot: Bot, delay: float, memory: int) -> None:
    """Killed by SIGKILL while the container is being replaced."""
    bot.configure(gateway={"memory_limit": f"{memory}g"})
    bot.bench.exec(f"timeout -s KILL {delay} clawbot-agent run --json >/dev/null 2>&1")
    time.sleep(0.5)
    run = bot.run()
    assert run.document["result"] == "converged", run.stdout
    limit = bot.sh("docker inspect -f '{{.HostConfig.Memory}}' openclaw-gateway")
    assert int(limit) == memory * 1024**3
    names = bot.sh("docker ps -a --format '{{.Names}}'").split()
    assert names == ["openclaw-gateway"]
    assert bot.ready()["ready"] is True
