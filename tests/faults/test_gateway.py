"""A change that does not work must not take down a gateway that does."""

import time

import pytest

from tests.support.bot import Bot


def _container(bot: Bot) -> str:
    return bot.sh("docker inspect -f '{{.Id}} {{.State.StartedAt}}' openclaw-gateway")


def test_a_replacement_that_never_gets_ready_leaves_the_old_one_serving(bot: Bot) -> None:
    """The image is spoilt so that its gateway ends at once, saying something."""
    before = _container(bot)
    tag = bot.sh("docker inspect -f '{{.Config.Image}}' openclaw-gateway").strip()
    bot.sh(f"docker tag {tag} clawbot-test/good:1")
    spoilt = bot.bench.root / "root/spoilt"
    spoilt.mkdir()
    (spoilt / "openclaw").write_text("#!/bin/sh\necho no gateway today >&2\nexit 3\n")
    (spoilt / "openclaw").chmod(0o755)
    (spoilt / "Dockerfile").write_text(f"FROM {tag}\nCOPY openclaw /usr/local/bin/openclaw\n")
    bot.sh(f"docker build -q -t {tag} /root/spoilt && rm -r /root/spoilt", timeout=300)
    run = bot.run("gateway")
    error = run.stage("gateway")["error"]
    assert run.code == 1
    assert "no gateway today" in error["message"]
    assert _container(bot) == before
    assert bot.ready()["ready"] is True
    bot.sh(f"docker tag clawbot-test/good:1 {tag} && docker rmi clawbot-test/good:1")


def test_each_kind_of_drift_is_named_and_repaired(bot: Bot) -> None:
    """A container created by hand, without any restriction, in place of the agent's."""
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
def test_a_run_killed_at_any_moment_is_completed_by_the_next(
    bot: Bot, delay: float, memory: int
) -> None:
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
