"""Azure misbehaves; the run waits, says why, and ends converged."""

from tests.support.bot import Bot


def _waits(bot: Bot, *, since: int) -> list[str]:
    return [e["code"] for e in bot.events()[since:] if e["event"] == "stage.waiting"]


def test_key_vault_forbids_for_a_while(bot: Bot) -> None:
    """A role assignment takes time to arrive."""
    seen = len(bot.events())
    bot.bench.azure.set("keyvault", forbidden_for=8)
    run = bot.run()
    assert run.document["result"] == "converged"
    assert "KEYVAULT_FORBIDDEN" in _waits(bot, since=seen)
    assert run.stage("secrets")["attempts"] > 1
    waited = next(e for e in bot.events()[seen:] if e["event"] == "stage.waiting")
    assert "ForbiddenByRbac" in waited["text"] or "role" in waited["text"].lower()


def test_metadata_service_is_not_there_yet(bot: Bot) -> None:
    """410, 404 and 500 are what a booting instance gets."""
    seen = len(bot.events())
    bot.bench.azure.set("imds", script=[410, 404, 500])
    run = bot.run()
    assert run.document["result"] == "converged"
    assert _waits(bot, since=seen).count("IMDS_UNAVAILABLE") == 3


def test_a_removed_secret_is_said_and_not_waited_for(bot: Bot) -> None:
    bot.bench.azure.set("keyvault", secrets={"openclaw-gateway-token": None})
    run = bot.run()
    error = run.stage("secrets")["error"]
    assert run.code == 1
    assert error["code"] == "KEYVAULT_SECRET_NOT_FOUND"
    assert "openclaw-gateway-token" in error["message"]
    # clients that can still reach the bot keep their access
    assert bot.ready()["ready"] is True


def test_a_rotated_token_reaches_the_gateway(bot: Bot) -> None:
    old = bot.token
    bot.token = f"canary-rotated-{'x' * 30}"
    bot.store_secrets()
    run = bot.run()
    assert run.document["result"] == "converged"
    assert run.stage("secrets")["state"] == "changed"
    assert run.stage("gateway")["state"] == "changed"
    bot.token = old
