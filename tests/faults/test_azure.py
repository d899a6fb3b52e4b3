"""Azure's services fail for a while: the run waits, reports the reason and converges."""

from tests.support.bot import Bot


def _waits(bot: Bot, *, since: int) -> list[str]:
    return [e["code"] for e in bot.events()[since:] if e["event"] == "stage.waiting"]


def test_run_waits_for_a_role_on_the_key_vault(bot: Bot) -> None:
    """A role assignment takes time to become effective."""
    seen = len(bot.events())
    bot.bench.azure.set("keyvault", forbidden_for=8)
    run = bot.run()
    assert run.document["result"] == "converged"
    assert "KEYVAULT_FORBIDDEN" in _waits(bot, since=seen)
    assert run.stage("secrets")["attempts"] > 1
    waited = next(e for e in bot.events()[seen:] if e["event"] == "stage.waiting")
    assert "ForbiddenByRbac" in waited["text"] or "role" in waited["text"].lower()


def test_run_waits_for_the_metadata_service(bot: Bot) -> None:
    """A booting instance gets 410, 404 and 500."""
    seen = len(bot.events())
    bot.bench.azure.set("imds", script=[410, 404, 500])
    run = bot.run()
    assert run.document["result"] == "converged"
    assert _waits(bot, since=seen).count("IMDS_UNAVAILABLE") == 3


def test_removed_secret_is_reported_without_a_wait(bot: Bot) -> None:
    bot.bench.azure.set("keyvault", secrets={"openclaw-gateway-token": None})
    run = bot.run()
    error = run.stage("secrets")["error"]
    assert run.code == 1
    assert error["code"] == "KEYVAULT_SECRET_NOT_FOUND"
    assert "openclaw-gateway-token" in error["message"]
    # the gateway still serves its clients
    assert bot.ready()["ready"] is True


def test_rotated_token_reaches_the_gateway(bot: Bot) -> None:
    old = bot.token
    bot.token = f"canary-rotated-{'x' * 30}"
    bot.store_secrets()
    run = bot.run()
    assert run.document["result"] == "converged"
    assert run.stage("secrets")["state"] == "changed"
    assert run.stage("gateway")["state"] == "changed"
    bot.token = old
