"""The page that a browser shows before the bot serves, during a boot."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.bench import product
from tests.support.bot import Bot
from tests.support.browser import Browser, browser

TAG: Final = "clawbot/openclaw:2026.9.6"
_RUN_SECONDS: Final = 900
_PAGE_SECONDS: Final = 90


@pytest.fixture
def visitor() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def bare(converged: Bot) -> Iterator[Bot]:
    """Return a bot without a gateway, and without the secret that it needs to start one.

    The first test changes nothing; the last one restores the bot.
    """
    bot = converged
    bot.sh("systemctl start clawbot-sidecar")
    bot.sh("systemctl stop clawbot-gateway", timeout=400)
    bot.sh(f"docker rm -f openclaw-gateway; docker rmi {TAG}", timeout=300)
    bot.bench.azure.set("keyvault", secrets={product.TOKEN_SECRET: None})
    yield bot
    bot.store_secrets()
    bot.settle()


def _percent(visitor: Browser) -> int:
    return int(visitor.value("document.getElementById('bar')?.value") or 0)


def test_programs_get_503_while_the_bot_does_not_serve(bare: Bot) -> None:
    """They must not mistake the page for the bot."""
    answer = bare.page(Accept="application/json")
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    page = bare.page(Accept="text/html,*/*")
    assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert bare.page("/.clawbot/progress.json").json()["schema"] == 1


def test_page_shows_a_failure_then_progress_then_openclaw(
    bare: Bot, visitor: Browser, tmp_path: Path, figures: dict[str, float]
) -> None:
    """The page is opened once; it shows a failing stage with its hint, a boot, then OpenClaw."""
    address = f"http://{bare.bench.address}/"
    visitor.open(address)
    assert bare.run().code == 1
    visitor.wait(
        lambda: "KEYVAULT_SECRET_NOT_FOUND" in visitor.text("#stages"), within=_PAGE_SECONDS
    )
    failed = "The bot could not be set up"
    visitor.wait(lambda: visitor.text("#headline") == failed, within=_PAGE_SECONDS)
    row = visitor.text("[data-stage=secrets]")
    assert "create it with" in row
    seen = visitor.text("body")
    for internal in (product.TOKEN_SECRET, "/var/", "/etc/", "vault.azure", bare.token):
        assert internal not in seen
    visitor.picture(tmp_path / "progress-failing.png")

    bare.store_secrets()
    # the failed run has loaded it; a new instance has none
    bare.sh(f"docker rmi {TAG}", timeout=120)
    visitor.value("window.opened = true")
    bare.bench.exec("systemctl reboot", timeout=60)
    visitor.wait(
        lambda: visitor.text("#headline") == "The bot is being set up", within=_RUN_SECONDS
    )
    visitor.picture(tmp_path / "progress-start.png")
    percents = _watch(visitor, tmp_path / "progress-middle.png")
    # until OpenClaw answers, the page is never reloaded
    visitor.wait(lambda: "OpenClaw" in str(visitor.value("document.title")), within=_PAGE_SECONDS)
    visitor.wait(lambda: _is_shown(visitor.text("body")), within=_PAGE_SECONDS)
    visitor.picture(tmp_path / "progress-end.png")
    figures["progress page: distinct percentages during a boot"] = len(set(percents))
    assert percents == sorted(percents)
    assert len(set(percents)) > 3
    assert str(visitor.value("location.href")).startswith(address)
    bare.agent("status", "--wait", "--timeout", "300")
    # other tests start runs themselves
    bare.sh("systemctl stop clawbot-reconcile.timer")


def _is_shown(text: str) -> bool:
    """Return whether it is OpenClaw's page after its start."""
    return bool(text.strip()) and "starting" not in text


def _watch(visitor: Browser, picture: Path) -> list[int]:
    """Return the percentages that the page shows until it is replaced."""
    percents: list[int] = []
    end = time.monotonic() + _RUN_SECONDS
    while visitor.value("window.opened") is True:
        assert time.monotonic() < end, visitor.text("body")
        percents.append(_percent(visitor))
        if not picture.exists() and percents[-1] >= 60:
            visitor.picture(picture)
        time.sleep(1)
    return percents
