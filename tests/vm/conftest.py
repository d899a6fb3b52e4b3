"""Fixtures: one bench with virtual machines for each worker of the session.

One bot passes through the tests of a module in their order. Its instances run in user-mode Linux,
because under QEMU's emulation OpenClaw does not always keep its own limit of 5 s.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import pytest

from tests.bench import product
from tests.bench.bench import Bench
from tests.bench.product_vm import BotVms
from tests.drills.ground import Ground, Instance
from tests.drills.report import Report
from tests.support.bot import Bot
from tests.support.workers import alone_with_the_image, bench_name

_BENCH: Final = "test-vm"


@dataclass(slots=True)
class Flow:
    """The bot that passes through the tests of a module.

    Attributes:
        ground: its share, for the instances after the first.
        instance: the present one.
    """

    ground: Ground
    instance: Instance


@pytest.fixture(scope="session")
def emulated() -> Iterator[BotVms]:
    """Return bots on a bench with a published release; machines run in QEMU."""
    bench = Bench(bench_name(_BENCH), machine=False, say=print)
    bench.down()
    bench.up()
    try:
        bots = BotVms(bench)
        bots.publish()
        with alone_with_the_image(bench.cache_dir):
            if not bots.kept_images():
                _keep_an_image()
        yield bots
    finally:
        bench.down()


@pytest.fixture(scope="session")
def bots(emulated: BotVms) -> BotVms:
    """Return the same bots with machines in user-mode Linux."""
    return replace(emulated, user_mode=True)


@pytest.fixture(scope="module")
def flow(bots: BotVms, request: pytest.FixtureRequest) -> Iterator[Flow]:
    """Return a bot whose first instance is powered on."""
    name = request.module.__name__.rpartition(".")[2].removeprefix("test_").replace("_", "-")
    ground = Ground(bots, share=name, prefix=f"{name}-", baked_image=True)
    ground.prepare()
    yield (found := Flow(ground, ground.boot()))
    if found.instance.vm.root.is_dir():
        found.instance.vm.delete()


@pytest.fixture
def report(request: pytest.FixtureRequest, tables: list[str]) -> Iterator[Report]:
    """Return the test's report; its table is shown at the end of the session."""
    found = Report(request.node.name.removeprefix("test_").partition("@")[0].replace("_", " "))
    yield found
    tables.append(found.table())


def _keep_an_image() -> None:
    """Build the container image on a container bench, at this host's speed."""
    with Bench(bench_name("test-vm-image"), say=print) as bench:
        bot = Bot(bench)
        bot.install()
        bot.configure()
        assert bot.run().code == 0
        product.keep_images(bench)
