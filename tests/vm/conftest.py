"""One bench with virtual machines for the session, and what goes on beside the tests.

Without hardware acceleration a bot is healthy minutes after power-on. So one bot goes through
all tests of this directory in their order, and a second one and a machine that must not become
a bot go their way in a thread.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pytest

from tests.bench.bench import Bench
from tests.bench.product_vm import BotVms
from tests.drills.ground import Ground, Instance
from tests.drills.replacement import replacement
from tests.drills.report import Report
from tests.drills.wrong_hash import wrong_hash

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
        ground: its share.
        instance: the one that is the bot now.
    """

    ground: Ground
    instance: Instance


@dataclass(frozen=True, slots=True)
class Beside:
    """What goes on in a thread."""

    wrong_hash: Future[Report]
    share_backend: Future[Report]


@pytest.fixture(scope="session")
def bots() -> Iterator[BotVms]:
    """The bench's operator side, with everything published."""
    bench = Bench(_BENCH, machine=False, say=print)
    bench.down()
    bench.up()
    try:
        bots = BotVms(bench)
        bots.publish()
        yield bots
    finally:
        bench.down()


@pytest.fixture(scope="session")
def flow(bots: BotVms, beside: Beside) -> Flow:
    """The first instance, powered on; the other machines are on their way as well."""
    del beside
    ground = Ground(bots)
    ground.prepare()
    return Flow(ground, ground.boot())


@pytest.fixture(scope="session")
def beside(bots: BotVms, request: pytest.FixtureRequest) -> Iterator[Beside]:
    """Drills in a thread, one after the other; a drill that breaks off is an error of its test."""
    reports = request.config.stash[_REPORTS]
    ground = Ground(bots, backend="share", share="files", prefix="files")
    ground.prepare()

    def hashed() -> Report:
        report = Report("wrong hash")
        reports.append(report)
        wrong_hash(ground, report)
        return report

    def replaced() -> Report:
        report = Report("replacement, backend share")
        reports.append(report)
        last = replacement(ground, report, texts=20)
        last.vm.delete()
        return report

    with ThreadPoolExecutor(1) as pool:
        try:
            yield Beside(pool.submit(hashed), pool.submit(replaced))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """The test's own report; its table is shown at the end of the session."""
    found = Report(request.node.name.removeprefix("test_").replace("_", " "))
    request.config.stash[_REPORTS].append(found)
    return found
