"""Neither the token nor the fragment from Key Vault is readable by other users or in any log."""

from pathlib import Path

from tests.support.bot import Bot

# all but kernel interfaces and the secrets' own files (0400/0600, see the stage "secrets")
_PLACES = "/run /var/log /var/lib/clawbot/status.json /etc /tmp /var/tmp /opt /srv"


def test_canaries_are_in_no_file_log_or_process_list(bot: Bot) -> None:
    bot.run()
    bot.agent("status")
    for canary in (bot.token, bot.inner):
        found = bot.bench.exec(("grep", "-rlaF", "--devices=skip", canary, *_PLACES.split())).stdout
        assert found == ""
        assert canary not in bot.sh("journalctl --no-pager --output=cat | cat")
        assert canary not in bot.sh("ps axww -o pid,user,args")
        assert canary not in bot.sh("docker inspect openclaw-gateway")
        assert canary not in (bot.bench.run_dir / "console.log").read_text(errors="replace")


def test_token_is_in_no_environment(bot: Bot) -> None:
    """The fragment, in contrast, sets variables of the gateway."""
    assert bot.token not in bot.sh("ps axeww -o pid,user,args")


def test_canaries_reach_the_gateway(bot: Bot) -> None:
    """Otherwise the test above would prove nothing."""
    assert bot.sh("cat /var/lib/clawbot/secrets/gateway/token") == bot.token
    assert bot.inner in bot.sh("cat /var/lib/clawbot/state/openclaw.json")


def test_other_users_cannot_read_the_secrets(bot: Bot) -> None:
    unprivileged = "setpriv --reuid 65534 --regid 65534 --clear-groups cat"
    for path in ("secrets/gateway/token", "secrets/openclaw.json", "state/openclaw.json"):
        done = bot.bench.exec(f"{unprivileged} {Path('/var/lib/clawbot') / path}")
        assert done.returncode != 0
        assert "Permission denied" in done.stderr
