"""After a reboot the bot serves without an operator."""

import json
import time

from tests.support.bot import Bot


def _last_run(bot: Bot) -> str:
    """Return the start of the last run, read from outside because the machine may be rebooting."""
    text = (bot.bench.root / "var/lib/clawbot/status.json").read_text()
    return str(json.loads(text)["started"])


def test_bot_serves_after_a_reboot(bot: Bot, figures: dict[str, float]) -> None:
    """The boot unit runs the agent, which starts the gateway."""
    started = _last_run(bot)
    began = time.monotonic()
    bot.bench.exec("systemctl reboot", timeout=60)
    while _last_run(bot) == started:
        assert time.monotonic() - began < 120, "the agent did not run after the boot"
        time.sleep(1)
    bot.seconds_until_ready(within=120)
    figures["ready again after a reboot, s"] = time.monotonic() - began
    waited = bot.agent("status", "--wait", "--json", "--timeout", "120")
    assert waited.document["result"] == "converged"
    assert bot.sh("systemctl is-failed clawbot-agent || true").strip() != "failed"
    assert "OpenClaw" in bot.page().text
    # other tests start runs themselves
    bot.sh("systemctl stop clawbot-reconcile.timer")
