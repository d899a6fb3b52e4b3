"""`leave`, beside the daemon that does the work."""

import threading
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from clawbot_agent.cli import leave as verb
from clawbot_agent.core.paths import LEAVE_FILE
from clawbot_agent.lifecycle.shutdown.report import read_report
from tests.fakes import FakeClock, fake_host
from tests.unit.lifecycle.shutdown.world import World

if TYPE_CHECKING:
    from collections.abc import Callable


class _Beside(FakeClock):
    """Time in which something else happens while somebody waits."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[float], None] = self.advance

    def wait(self, event: threading.Event, seconds: float) -> None:
        """See `FakeClock`."""
        del event
        self.meanwhile(seconds)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """An instance with the daemon on it."""
    clock = _Beside()
    made = World(clock=clock)
    clock.meanwhile = made.pass_
    monkeypatch.setattr(
        verb,
        "system_host",
        lambda *, deadline: fake_host(files=made.files, clock=clock, deadline=deadline),
    )
    monkeypatch.setattr(verb, "require_root", lambda: None)
    made.pass_(10)
    return made


def called(*options: str) -> Result:
    """The verb."""
    return CliRunner().invoke(verb.leave, options)


def test_it_ends_when_the_memory_is_safe(world: World) -> None:
    done = called()
    assert done.exit_code == 0
    first, *rest = done.output.splitlines()
    assert first.startswith("leaving; the bot comes back at 00:15 UTC")
    assert rest[0] == "draining"
    assert rest[-1] == "left: the memory is on the share and the lease is given back"
    assert world.instance.asked("release")


def test_a_second_time_it_is_done_already(world: World) -> None:
    called()
    count = len(world.instance.done)
    assert called().exit_code == 0
    assert len(world.instance.done) == count


def test_what_may_be_lost_is_told_and_fails(world: World) -> None:
    world.instance.refuses = "stopped while the state was mounted"
    done = called()
    assert done.exit_code == 1
    assert "LEAVE_UNSAFE: stopped while the state was mounted" in done.output
    assert "next: " in done.output


def test_a_drain_that_does_not_end_in_time_is_told(world: World) -> None:
    world.instance.drains_in, world.instance.dies = 10_000, False
    world.instance.release_takes = 10_000
    done = called("--minutes", "2")
    assert done.exit_code == 1
    assert "LEAVE_UNSAFE" in done.output


def test_without_the_daemon_nobody_hears_and_nothing_is_left_behind(world: World) -> None:
    assert isinstance(world.clock, _Beside)
    world.clock.meanwhile = world.clock.advance
    done = called()
    assert done.exit_code == 1
    assert "LEAVE_UNANSWERED" in done.output
    assert world.files.stat(LEAVE_FILE) is None


def test_it_can_be_called_off(world: World) -> None:
    called()
    done = called("--cancel")
    assert (done.exit_code, done.output) == (0, "called off: the bot starts within a minute\n")
    world.pass_(60)
    report = read_report(world.files)
    assert report is not None
    assert not report.leaving
    assert world.instance.asked("return")


def test_only_what_was_asked_for_can_be_called_off(world: World) -> None:
    del world
    done = called("--cancel")
    assert done.exit_code == 1
    assert "nobody has asked" in done.output
