"""A container image that is pulled from a registry instead of built."""

import pytest

from tests.support.bot import Bot


@pytest.mark.extended("bot")
def test_pulled_image_serves(bot: Bot) -> None:
    """It has the official name and the content of the image that the bench built."""
    reference = "ghcr.io/openclaw/openclaw:2026.9.6"
    saved = bot.bench.root / "var/tmp/openclaw.tar"
    bot.sh(f"docker save -o /var/tmp/{saved.name} clawbot/openclaw:2026.9.6", timeout=300)
    bot.bench.azure.set("registry", images={reference: str(saved)})
    bot.configure(openclaw={"image": {"source": "pull"}})
    run = bot.run()
    assert run.document["result"] == "converged", run.stdout
    assert run.states()["image-archive"] == "skipped"
    assert run.stage("image")["reason"] == f"pull {reference} (missing)"
    used = bot.sh("docker inspect -f '{{.Config.Image}}' openclaw-gateway").strip()
    assert used == reference
    assert bot.ready()["ready"] is True
    assert set(bot.run().states().values()) == {"unchanged", "skipped"}
    saved.unlink()
