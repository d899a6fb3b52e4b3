"""One bench with virtual machines for the session, and what goes on beside the tests.

One bot goes through all tests of the flow in their order. Its instances are run by user-mode Linux:
where QEMU has to emulate, it depends on the day whether OpenClaw keeps its own limit of 5 s.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import pytest

from tests.bench import product
from tests.bench.bench import Bench
from tests.bench.product_vm import BotVms
from tests.drills.before_gateway import before_gateway
from tests.drills.ground import Ground, Instance
from tests.drills.report import Report
from tests.drills.wrong_hash import wrong_hash
from tests.support.bot import Bot

_BENCH: Final = "test-vm"
_REPORTS: Final = pytest.StashKey[list[Report]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_REPORTS] = []


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for report in config.stash[_REPORTS]:
        terminalreporter.write_line(report.table())


@dataclass(slots=True)
class Flow:
    """The bot that goes through the tests.

    Attributes:
        ground: its share, for the instances after the first.
        instance: the one that is the bot now.
    """

    ground: Ground
    instance: Instance


@pytest.fixture(scope="session")
def bots() -> Iterator[BotVms]:
    """The bench's operator side, with everything published."""
    bench = Bench(_BENCH, machine=False, say=print)
    bench.down()
    bench.up()
    try:
        bots = BotVms(bench)
        bots.publish()
        if not bots.kept_images():
            _keep_an_image()
        yield bots
    finally:
        bench.down()


@pytest.fixture(scope="session")
def flow(bots: BotVms) -> Flow:
    """The first instance, powered on."""
    ground = Ground(replace(bots, user_mode=True), baked_image=True)
    ground.prepare()
    return Flow(ground, ground.boot())


@pytest.fixture(scope="session")
def emulated(bots: BotVms, request: pytest.FixtureRequest) -> Iterator[Future[Report]]:
    """The drill of the emulated machine, beside the tests that ask for it first."""
    ground = Ground(bots, share="emulated", prefix="emulated", baked_image=True)
    ground.prepare(seed=False)
    yield from _beside(request, lambda report: before_gateway(ground, report), "emulated")


@pytest.fixture(scope="session")
def refused(bots: BotVms, request: pytest.FixtureRequest) -> Iterator[Future[Report]]:
    """The drill of the wrong hash, beside the tests that ask for it first."""
    ground = Ground(replace(bots, user_mode=True))
    yield from _beside(request, lambda report: wrong_hash(ground, report), "wrong hash")


def _beside(
    request: pytest.FixtureRequest, drill: Callable[[Report], None], title: str
) -> Iterator[Future[Report]]:
    """A drill in a thread; if it breaks off, that is an error of the test that takes the result."""
    report = Report(title)
    request.config.stash[_REPORTS].append(report)

    def run() -> Report:
        drill(report)
        return report

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(run)


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """The test's own report; its table is shown at the end of the session."""
    found = Report(request.node.name.removeprefix("test_").replace("_", " "))
    request.config.stash[_REPORTS].append(found)
    return found


def _keep_an_image() -> None:
    """Have a container bench build the container's image, at this host's speed."""
    with Bench("test-vm-image", say=print) as bench:
        bot = Bot(bench)
        bot.install()
        bot.configure()
        assert bot.run().code == 0
        product.keep_images(bench)
