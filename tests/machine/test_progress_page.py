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
def people() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def bare(converged: Bot) -> Iterator[Bot]:
    """The machine of a bot that has no gateway any more, and no secret to start one with.

    The first of these tests only looks; the last one leaves a bot.
    """
    bot = converged
    bot.sh("systemctl start clawbot-sidecar")
    bot.sh("systemctl stop clawbot-gateway", timeout=400)
    bot.sh(f"docker rm -f openclaw-gateway; docker rmi {TAG}", timeout=300)
    bot.bench.azure.set("keyvault", secrets={product.TOKEN_SECRET: None})
    yield bot
    bot.store_secrets()
    bot.settle()


def _percent(people: Browser) -> int:
    return int(people.value("document.getElementById('bar')?.value") or 0)


def test_programs_get_a_503_while_the_bot_does_not_serve(bare: Bot) -> None:
    """They must not take the page for the bot."""
    answer = bare.page(Accept="application/json")
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    page = bare.page(Accept="text/html,*/*")
    assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert bare.page("/.clawbot/progress.json").json()["schema"] == 1


def test_it_shows_a_failure_advances_and_gives_way(
    bare: Bot, people: Browser, tmp_path: Path, figures: dict[str, float]
) -> None:
    """One page, opened once: a failing stage with its hint, a boot, and then OpenClaw."""
    address = f"http://{bare.bench.address}/"
    people.open(address)
    assert bare.run().code == 1
    people.wait(lambda: "KEYVAULT_SECRET_NOT_FOUND" in people.text("#stages"), within=_PAGE_SECONDS)
    failed = "The bot could not be set up"
    people.wait(lambda: people.text("#headline") == failed, within=_PAGE_SECONDS)
    row = people.text("[data-stage=secrets]")
    assert "create it with" in row
    seen = people.text("body")
    for internal in (product.TOKEN_SECRET, "/var/", "/etc/", "vault.azure", bare.token):
        assert internal not in seen
    people.picture(tmp_path / "progress-failing.png")

    bare.store_secrets()
    # that run has loaded it again; a new instance has none
    bare.sh(f"docker rmi {TAG}", timeout=120)
    people.value("window.opened = true")
    bare.bench.exec("systemctl reboot", timeout=60)
    people.wait(lambda: people.text("#headline") == "The bot is being set up", within=_RUN_SECONDS)
    people.picture(tmp_path / "progress-start.png")
    percents = _watch(people, tmp_path / "progress-middle.png")
    # it was never loaded again before the bot was there
    people.wait(lambda: "OpenClaw" in str(people.value("document.title")), within=_PAGE_SECONDS)
    people.wait(lambda: _is_shown(people.text("body")), within=_PAGE_SECONDS)
    people.picture(tmp_path / "progress-end.png")
    figures["progress page: different percentages seen during a boot"] = len(set(percents))
    assert percents == sorted(percents)
    assert len(set(percents)) > 3
    assert str(people.value("location.href")).startswith(address)
    bare.agent("status", "--wait", "--timeout", "300")
    # other tests choose the moments of their runs themselves
    bare.sh("systemctl stop clawbot-reconcile.timer")


def _is_shown(text: str) -> bool:
    """OpenClaw's page after its own first moments."""
    return bool(text.strip()) and "starting" not in text


def _watch(people: Browser, picture: Path) -> list[int]:
    """What the bar shows until the page is another one."""
    percents: list[int] = []
    end = time.monotonic() + _RUN_SECONDS
    while people.value("window.opened") is True:
        assert time.monotonic() < end, people.text("body")
        percents.append(_percent(people))
        if not picture.exists() and percents[-1] >= 60:
            people.picture(picture)
        time.sleep(1)
    return percents
