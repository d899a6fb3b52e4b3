"""Neither the token nor what Key Vault holds is anywhere a reader could find it."""

from pathlib import Path

from tests.support.bot import Bot

# everything but kernel interfaces and where secrets belong (0400/0600, see the stage secrets)
_PLACES = "/run /var/log /var/lib/clawbot/status.json /etc /tmp /var/tmp /opt /srv"


def test_canaries_are_nowhere(bot: Bot) -> None:
    bot.run()
    bot.agent("status")
    for canary in (bot.token, bot.inner):
        found = bot.bench.exec(("grep", "-rlaF", "--devices=skip", canary, *_PLACES.split())).stdout
        assert found == ""
        assert canary not in bot.sh("journalctl --no-pager --output=cat | cat")
        assert canary not in bot.sh("ps axww -o pid,user,args")
        assert canary not in bot.sh("docker inspect openclaw-gateway")
        assert canary not in (bot.bench.run_dir / "console.log").read_text(errors="replace")


def test_the_token_is_in_no_environment(bot: Bot) -> None:
    """Unlike what the fragment itself puts into the gateway's environment."""
    assert bot.token not in bot.sh("ps axeww -o pid,user,args")


def test_the_canaries_do_reach_the_gateway(bot: Bot) -> None:
    """Else the test above would prove nothing."""
    assert bot.sh("cat /var/lib/clawbot/secrets/gateway/token") == bot.token
    assert bot.inner in bot.sh("cat /var/lib/clawbot/state/openclaw.json")


def test_others_cannot_read_them(bot: Bot) -> None:
    as_other_user = "setpriv --reuid 65534 --regid 65534 --clear-groups cat"
    for path in ("secrets/gateway/token", "secrets/openclaw.json", "state/openclaw.json"):
        done = bot.bench.exec(f"{as_other_user} {Path('/var/lib/clawbot') / path}")
        assert done.returncode != 0
        assert "Permission denied" in done.stderr
