"""Bad input and a second run are refused before anything is touched."""

import subprocess

import pytest

from tests.bench import product
from tests.support.bot import Bot

BAD = {
    "unknown key": ('{"nmae": "x"}', "nmae: unknown key"),
    "injection in the name": ('{"name": "x; rm -rf /"}', "name: must be"),
    "newline in the domain": (
        '{"caddy": {"domain": "bot.example.org\\nrespond 200"}}',
        "caddy.domain: must be",
    ),
    "impossible pair": (
        '{"openclaw": {"version": "2026.9.6", "image": {"base": "node:22-slim"}}}',
        "openclaw.image.base: node 22 cannot run OpenClaw 2026.9.6",
    ),
}


def _touched(bot: Bot) -> str:
    watched = "/etc/caddy /etc/docker /var/lib/clawbot /var/log/clawbot /opt/clawbot"
    # byte code is the interpreter's: it is made when a verb is used for the first time
    leave = "-name __pycache__ -o -path /var/lib/clawbot/state"
    # the gateway goes on serving and writes there; of all that, the agent's is one file
    ours = "stat --format '%n %y %s' /var/lib/clawbot/state/openclaw.json"
    return bot.sh(f"find {watched} '(' {leave} ')' -prune -o -printf '%p %T@ %s\\n' | sort; {ours}")


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("verb", ["run", "plan"])
def test_bad_configuration_is_refused_and_nothing_is_touched(
    bot: Bot, case: str, verb: str
) -> None:
    text, problem = BAD[case]
    product.configure(bot.bench, text)
    before = _touched(bot)
    done = bot.agent(verb, "--stage", "all")
    after = _touched(bot)
    assert done.code == 2
    assert any(line.startswith(problem) for line in done.stderr.splitlines()), done.stderr
    assert after == before


def test_an_unknown_stage_is_refused(bot: Bot) -> None:
    done = bot.agent("run", "--stage", "apt,dokcer")
    assert done.code == 2
    assert "dokcer" in done.stderr


def test_a_second_run_at_the_same_time_is_refused(bot: Bot) -> None:
    """It names the holder of the lock; kill -9 of the holder releases it."""
    bot.bench.azure.set("keyvault", forbidden_for=60)
    argv = bot.bench.enter("exec clawbot-agent run --stage secrets --json")
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        bot.sh("until grep -q pid /run/clawbot/run.lock; do sleep 0.1; done")
        second = bot.run()
        assert second.code == 4
        assert "another run is under way: pid" in second.stderr
        assert "run --stage secrets" in second.stderr
        assert bot.agent("status", "--json").document["result"] == "running"
        bot.sh("kill -9 $(jq .pid /run/clawbot/run.lock)")
    assert bot.agent("status", "--json").document["result"] == "interrupted"
    bot.bench.azure.reset()
    assert bot.run().code == 0
