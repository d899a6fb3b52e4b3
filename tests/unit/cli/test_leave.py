"""`leave`, beside the watcher that does the work."""

import threading
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from clawbot_agent.cli import leave as verb
from clawbot_agent.core.paths import LEAVE_FILE
from clawbot_agent.records.shutdown import SHUTDOWN
from tests.fakes import FakeClock, fake_host
from tests.unit.lifecycle.shutdown.world import World

if TYPE_CHECKING:
    from collections.abc import Callable


class _Beside(FakeClock):
    """A clock that lets something else happen during each wait."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[float], None] = self.advance

    def wait(self, event: threading.Event, seconds: float) -> None:
        """See `FakeClock`."""
        del event
        self.meanwhile(seconds)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """An instance with a watcher."""
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
    """Run the verb."""
    return CliRunner().invoke(verb.leave, options)


def test_leave_ends_when_the_bot_data_is_safe(world: World) -> None:
    done = called()
    assert done.exit_code == 0
    first, *rest = done.output.splitlines()
    assert first.startswith("leaving; the bot returns at 00:15 UTC")
    assert rest[0] == "draining"
    assert rest[-1] == "left: the bot data is on the share and the lease is released"
    assert world.instance.asked("release")


def test_leave_does_nothing_the_second_time(world: World) -> None:
    called()
    count = len(world.instance.done)
    assert called().exit_code == 0
    assert len(world.instance.done) == count


def test_leave_fails_when_bot_data_may_be_lost(world: World) -> None:
    world.instance.refuses = "stopped while the state was mounted"
    done = called()
    assert done.exit_code == 1
    assert "LEAVE_UNSAFE: stopped while the state was mounted" in done.output
    assert "next: " in done.output


def test_leave_fails_when_the_drain_takes_too_long(world: World) -> None:
    world.instance.drains_in, world.instance.dies = 10_000, False
    world.instance.release_takes = 10_000
    done = called("--minutes", "2")
    assert done.exit_code == 1
    assert "LEAVE_UNSAFE" in done.output


def test_leave_fails_and_withdraws_its_request_without_a_watcher(world: World) -> None:
    assert isinstance(world.clock, _Beside)
    world.clock.meanwhile = world.clock.advance
    done = called()
    assert done.exit_code == 1
    assert "LEAVE_UNANSWERED" in done.output
    assert world.files.stat(LEAVE_FILE) is None


def test_leave_can_be_canceled(world: World) -> None:
    called()
    done = called("--cancel")
    assert (done.exit_code, done.output) == (
        0,
        "leave request canceled: the bot starts within 1 min\n",
    )
    world.pass_(60)
    report = SHUTDOWN.load(world.files)
    assert report is not None
    assert not report.leaving
    assert world.instance.asked("return")


def test_cancel_fails_without_a_request(world: World) -> None:
    del world
    done = called("--cancel")
    assert done.exit_code == 1
    assert "no leave request" in done.output
