"""Invalid input and a second run are refused before anything changes."""

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
    "incompatible versions": (
        '{"openclaw": {"version": "2026.9.6", "image": {"base": "node:22-slim"}}}',
        "openclaw.image.base: node 22 cannot run OpenClaw 2026.9.6",
    ),
}


def _snapshot(bot: Bot) -> str:
    watched = "/etc/caddy /etc/docker /var/lib/clawbot /var/log/clawbot /opt/clawbot"
    # Python writes byte code at the first use of a command
    leave = "-name __pycache__ -o -path /var/lib/clawbot/state"
    # the gateway still writes to the state; the agent owns one file there
    written = "stat --format '%n %y %s' /var/lib/clawbot/state/openclaw.json"
    return bot.sh(
        f"find {watched} '(' {leave} ')' -prune -o -printf '%p %T@ %s\\n' | sort; {written}"
    )


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("verb", ["run", "plan"])
def test_invalid_configuration_is_refused_without_any_change(
    bot: Bot, case: str, verb: str
) -> None:
    text, problem = BAD[case]
    product.configure(bot.bench, text)
    before = _snapshot(bot)
    done = bot.agent(verb, "--stage", "all")
    after = _snapshot(bot)
    assert done.code == 2
    assert any(line.startswith(problem) for line in done.stderr.splitlines()), done.stderr
    assert after == before


def test_unknown_stage_is_refused(bot: Bot) -> None:
    done = bot.agent("run", "--stage", "apt,dokcer")
    assert done.code == 2
    assert "dokcer" in done.stderr


def test_second_run_at_the_same_time_is_refused(bot: Bot) -> None:
    """The error names the holder of the lock; kill -9 of the holder releases the lock."""
    bot.bench.azure.set("keyvault", forbidden_for=60)
    argv = bot.bench.enter("exec clawbot-agent run --stage secrets --json")
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        bot.sh("until grep -q pid /run/clawbot/run.lock; do sleep 0.1; done")
        second = bot.run()
        assert second.code == 4
        assert "another run is in progress: pid" in second.stderr
        assert "run --stage secrets" in second.stderr
        assert bot.agent("status", "--json").document["result"] == "running"
        bot.sh("kill -9 $(jq .pid /run/clawbot/run.lock)")
    assert bot.agent("status", "--json").document["result"] == "interrupted"
    bot.bench.azure.reset()
    assert bot.run().code == 0
