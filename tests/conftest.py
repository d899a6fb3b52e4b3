"""Fixtures for tests that need a real machine (one bench per worker), and the choice of suites."""

from collections.abc import Iterator
from typing import Final

import hypothesis
import pytest
from xdist.remote import Producer

from tests.bench import product
from tests.bench.bench import Bench
from tests.support import shards
from tests.support.bot import Bot
from tests.support.workers import Scheduling, alone_with_the_image, bench_name, rank

# no deadlines: on a busy machine any test may be slow
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")

_FIGURE: Final = "figure: "
_TABLE: Final = "table: "


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--keep-bench",
        action="store_true",
        help="keep the bench 'test' running after the session, and use it if it is running",
    )
    parser.addoption(
        "--shard",
        choices=shards.SHARDS,
        help="run only the tests marked as extended that belong to this shard",
    )


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Collected(), "collected")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Select the tests of one shard, and run the longest first.

    Raises:
        pytest.UsageError: a test is marked as extended and belongs to no shard.
    """
    items.sort(key=lambda item: rank(item.nodeid))
    shard = {item: shard_of(item) for item in items}
    if (wanted := config.getoption("--shard")) is None:
        return
    config.hook.pytest_deselected(items=[item for item in items if shard[item] != wanted])
    items[:] = [item for item in items if shard[item] == wanted]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    return Scheduling(config, log) if config.getoption("dist") == "loadfile" else None


def shard_of(item: pytest.Item) -> str | None:
    """Return the shard of a test; None for a test of `make test`.

    Raises:
        pytest.UsageError: it is marked as extended and does not name an existing shard.
    """
    marker = item.get_closest_marker(shards.MARKER)
    if marker is None:
        return None
    if len(marker.args) == 1 and not marker.kwargs and marker.args[0] in shards.SHARDS:
        return str(marker.args[0])
    msg = f"{item.nodeid}: extended{marker.args} does not name a shard of tests/support/shards.py"
    raise pytest.UsageError(msg)


class _Collected:
    """Collects figures and tables of all workers' tests, and prints them at the end."""

    def __init__(self) -> None:
        self._figures: dict[str, float] = {}
        self._tables: dict[str, None] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "teardown":
            return
        for name, value in report.user_properties:
            if name.startswith(_FIGURE):
                what = name.removeprefix(_FIGURE)
                self._figures[what] = max(float(str(value)), self._figures.get(what, 0.0))
            elif name.startswith(_TABLE):
                self._tables[str(value)] = None

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for table in self._tables:
            terminalreporter.write_line(table)
        for what, value in self._figures.items():
            terminalreporter.write_line(f"measured: {what}: {value:.2f}")


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Iterator[dict[str, float]]:
    """Return measurements by name; the session prints the largest of each name at its end."""
    found: dict[str, float] = {}
    yield found
    request.node.user_properties += [(_FIGURE + what, found[what]) for what in found]


@pytest.fixture
def tables(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Return a list of multi-line texts that are printed at the end of the session."""
    found: list[str] = []
    yield found
    request.node.user_properties += [(f"{_TABLE}{len(table)}", table) for table in found]


@pytest.fixture(scope="session")
def delivered(request: pytest.FixtureRequest) -> Iterator[Bot]:
    """Return a bare machine with the agent installed, before its first run."""
    bench = Bench(bench_name(), say=print)
    keep = request.config.getoption("--keep-bench")
    if not (keep and bench.running()):
        bench.down()
    bench.up()
    try:
        bot = Bot(bench)
        bot.install()
        yield bot
    finally:
        if not keep:
            bench.down()


@pytest.fixture(scope="session")
def converged(delivered: Bot) -> Bot:
    """Return the bot after a run, with its container image on the share as after a first instance.

    On a host where no bench has built the image yet, the run builds it.
    """
    with alone_with_the_image(delivered.bench.cache_dir):
        product.restore_images(delivered.bench)
        delivered.configure()
        delivered.settle()
        product.keep_images(delivered.bench)
    return delivered


@pytest.fixture
def bot(converged: Bot) -> Iterator[Bot]:
    """Return a converged bot; converge it again after the test."""
    yield converged
    converged.bench.azure.reset()
    converged.store_secrets()
    converged.configure()
    converged.settle()
