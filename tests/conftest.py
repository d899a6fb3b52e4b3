"""Fixtures of the tests that need a real machine: one bench for all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import hypothesis
import pytest

from tests.bench import product
from tests.bench.bench import Bench
from tests.support.bot import Bot, Done

# no test is timed: on a busy machine any of them is slow at times
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")

_FIGURES: Final = pytest.StashKey[dict[str, float]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--keep-bench",
        action="store_true",
        help="leave the bench 'test' running, and use it if it runs",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FIGURES] = {}


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for what, value in config.stash[_FIGURES].items():
        terminalreporter.write_line(f"measured: {what}: {value:.2f}")


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> dict[str, float]:
    """Measurements to be printed at the end of the session, by name."""
    return request.config.stash[_FIGURES]


@dataclass(frozen=True, slots=True)
class FirstRun:
    """What was seen after the first run on a bare machine, with a wrong Sysbox hash."""

    bot: Bot
    run: Done
    ready: dict[str, Any]
    title: str
    upgrade: str
    sysbox_files: str


@pytest.fixture(scope="session")
def delivered(request: pytest.FixtureRequest) -> Iterator[Bot]:
    """A bare machine with the agent installed and nothing run yet."""
    bench = Bench("test", say=print)
    keep = request.config.getoption("--keep-bench")
    if not (keep and bench.running()):
        bench.down()
    bench.up()
    try:
        bot = Bot(bench)
        bot.install()
        yield bot
        # for virtual machines, whose tests come later and would take minutes to build it
        product.keep_images(bench)
    finally:
        if not keep:
            bench.down()


@pytest.fixture(scope="session")
def first(delivered: Bot) -> FirstRun:
    """The first run; Sysbox is promised with a hash that its package does not have."""
    bot = delivered
    bot.configure(sysbox={"sha256": "0" * 64})
    run = bot.run()
    assert run.code == 0, run.stdout + run.stderr
    # what is installed, and any file of it outside our own code
    traces = (
        "dpkg-query -W -f '${Package} ' 'sysbox*' 2>/dev/null; "
        "find / -xdev -path /proc -prune -o -path /opt -prune -o -name '*sysbox*' -print"
    )
    return FirstRun(
        bot=bot,
        run=run,
        ready=bot.ready(),
        title=bot.page().text.partition("<title>")[2].partition("<")[0],
        upgrade=bot.upgrade(),
        sysbox_files=bot.bench.exec(traces).stdout,
    )


@pytest.fixture(scope="session")
def converged(first: FirstRun) -> Bot:
    """The bot after a second run with the right hash."""
    first.bot.configure()
    run = first.bot.run()
    assert run.code == 0, run.stdout + run.stderr
    assert run.document["result"] == "converged", run.stdout
    return first.bot


@pytest.fixture
def bot(converged: Bot) -> Iterator[Bot]:
    """A converged bot, brought back to that after the test."""
    yield converged
    converged.bench.azure.reset()
    converged.store_secrets()
    converged.configure()
    run = converged.run()
    assert run.document["result"] == "converged", run.stdout
