"""An image from a registry instead of one that is built."""

import pytest

from tests.support.bot import Bot


@pytest.mark.extended("bot")
def test_a_pulled_image_serves(bot: Bot) -> None:
    """Under the official name; its bits are those of the image that was built here."""
    reference = "ghcr.io/openclaw/openclaw:2026.9.6"
    saved = bot.bench.root / "var/tmp/openclaw.tar"
    bot.sh(f"docker save -o /var/tmp/{saved.name} clawbot/openclaw:2026.9.6", timeout=300)
    bot.bench.azure.set("registry", images={reference: str(saved)})
    bot.configure(openclaw={"image": {"source": "pull"}})
    run = bot.run()
    assert run.document["result"] == "converged", run.stdout
    assert run.states()["image-archive"] == "skipped"
    assert run.stage("image")["reason"] == f"pull {reference} (not there)"
    used = bot.sh("docker inspect -f '{{.Config.Image}}' openclaw-gateway").strip()
    assert used == reference
    assert bot.ready()["ready"] is True
    assert set(bot.run().states().values()) == {"unchanged", "skipped"}
    saved.unlink()
