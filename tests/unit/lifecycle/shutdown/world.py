"""Azure, an instance and time, for the daemon that watches scheduled events."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from typing import Any, Final

from clawbot_agent.core.paths import SCHEDULED_EVENTS_FILE
from clawbot_agent.host.http import Answer
from clawbot_agent.host.notify import Notifier
from clawbot_agent.lifecycle.shutdown.daemon import Daemon
from tests.fakes import FakeClock, FakeFiles, FakeGetJson, FakePostJson, fake_host

__all__ = ["ME", "FakeInstance", "World"]

ME: Final = "bot-vmss_7"


@dataclass(slots=True)
class FakeInstance:
    """`Machine`: a gateway, a run, a lease.

    Attributes:
        drains_in: seconds that the gateway's sessions take to end.
        dies: whether it ends when it is killed.
        run_ends_in: seconds that a run under way takes to end; 0 without one.
        on_hold: called when runs are held.
        release_takes: seconds until the lease is given back.
        refuses: why the state cannot be unmounted.
        done: what was asked for, with the second at which it was.
    """

    clock: FakeClock
    drains_in: float = 20.0
    dies: bool = True
    run_ends_in: float = 0.0
    release_takes: float = 2.0
    refuses: str = ""
    syncs: bool = True
    on_hold: Callable[[], None] = lambda: None
    done: list[tuple[float, str]] = field(default_factory=list)
    _gateway_ends: float | None = None
    _run_ends: float = 0.0
    _released_at: float | None = None

    def hold_runs(self) -> None:
        """See `Machine`."""
        self._note("hold runs")
        self.on_hold()
        self._run_ends = self.clock.monotonic() + self.run_ends_in

    def runs_are_over(self) -> bool:
        """See `Machine`."""
        return self.clock.monotonic() >= self._run_ends

    def stop_gateway(self) -> None:
        """See `Machine`."""
        self._note("stop gateway")
        if self._gateway_ends is None:
            self._gateway_ends = self.clock.monotonic() + self.drains_in

    def gateway_is_over(self) -> bool:
        """See `Machine`."""
        return self._gateway_ends is not None and self.clock.monotonic() >= self._gateway_ends

    def kill_gateway(self) -> None:
        """See `Machine`."""
        self._note("kill gateway")
        if self.dies:
            self._gateway_ends = self.clock.monotonic()

    def sync(self, seconds: float) -> bool:
        """See `Machine`."""
        self._note(f"sync {seconds:.0f}")
        return self.syncs

    def release(self) -> None:
        """See `Machine`."""
        self._note("release")
        self._released_at = self.clock.monotonic() + self.release_takes

    def release_is_over(self) -> bool:
        """See `Machine`."""
        return self._released_at is not None and self.clock.monotonic() >= self._released_at

    def release_problem(self) -> str:
        """See `Machine`."""
        return self.refuses

    def return_to_work(self) -> None:
        """See `Machine`."""
        self._note("return")
        self._gateway_ends = None

    def when(self, what: str) -> float:
        """The second at which it was first asked for."""
        return next(second for second, one in self.done if one.startswith(what))

    def asked(self, what: str) -> bool:
        """Whether it was asked for."""
        return any(one.startswith(what) for _second, one in self.done)

    def _note(self, what: str) -> None:
        self.done.append((self.clock.monotonic(), what))


@dataclass(slots=True)
class _Metadata(FakeGetJson):
    """The metadata service's answers, made when they are asked for."""

    answer: Callable[[str], Answer] = lambda _url: Answer(0, {})

    def __call__(
        self, url: str, *, timeout: float = 5, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """See `GetJson`."""
        assert headers == {"Metadata": "true"}
        assert timeout > 0
        self.calls.append(url)
        return self.answer(url)


@dataclass(slots=True)
class _Agreements(FakePostJson):
    """Where agreements go."""

    world: "World | None" = None

    def __call__(
        self,
        url: str,
        body: Mapping[str, Any],
        *,
        timeout: float = 5,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """See `PostJson`."""
        assert headers == {"Metadata": "true"}
        assert timeout > 0
        assert self.world is not None
        self.sent.append((url, body))
        return self.world.agreed_to(body)


@dataclass
class World:
    """Everything.

    Attributes:
        events: what Azure announces, by id.
        status: with which the metadata service answers about events; 0 is no answer.
        agreement: the status of its answer to an agreement.
        agreed: (second, id) of each event that was agreed to.
        told: (name, text) of what was said.
    """

    clock: FakeClock = field(default_factory=FakeClock)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    status: int = 200
    agreement: int = 200
    agreed: list[tuple[float, str]] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    instance: FakeInstance = field(init=False)
    files: FakeFiles = field(init=False)
    daemon: Daemon = field(init=False)

    def __post_init__(self) -> None:
        """Begin."""
        self.instance, self.files = FakeInstance(self.clock), FakeFiles(clock=self.clock)
        self.metadata = _Metadata(answer=self._answer)
        self.start()

    def start(self) -> None:
        """A new life of the daemon on the same machine."""
        post = _Agreements(world=self)
        host = fake_host(files=self.files, clock=self.clock, get_json=self.metadata, post_json=post)
        self.daemon = Daemon(
            host, self.instance, Notifier(), lambda event, text: self.told.append((event, text))
        )
        self.daemon.begin()

    def announce(
        self, kind: str, *names: str, seconds: float | None = 300, name: str = "E"
    ) -> None:
        """Announce an event; without `seconds` it has started."""
        now = self.clock.now()
        start = ""
        if seconds is not None:
            start = format_datetime(now + timedelta(seconds=seconds), usegmt=True)
        self.events[name] = {
            "EventId": name,
            "EventType": kind,
            "ResourceType": "VirtualMachine",
            "Resources": list(names or (ME,)),
            "EventStatus": "Started" if seconds is None else "Scheduled",
            "NotBefore": start,
        }

    def pass_(self, seconds: float) -> None:
        """Let the daemon work for so long."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            self.clock.advance(self.daemon.tick())

    def agreed_to(self, body: Mapping[str, Any]) -> Answer:
        """An agreement arrives."""
        if self.agreement == 200:
            for wanted in body["StartRequests"]:
                self.agreed.append((self.clock.monotonic(), wanted["EventId"]))
                self.events[wanted["EventId"]] |= {"EventStatus": "Started", "NotBefore": ""}
        return Answer(self.agreement, {})

    @property
    def report(self) -> dict[str, Any]:
        """scheduled-events.json; empty without one."""
        found: dict[str, Any] = json.loads(self.files.read_text(SCHEDULED_EVENTS_FILE) or "{}")
        return found

    def _answer(self, url: str) -> Answer:
        if "/instance/compute" in url:
            return Answer(200, {"name": ME})
        if self.status != 200:
            return Answer(self.status, {}, "TimeoutError" if not self.status else "")
        body = {"DocumentIncarnation": 1, "Events": list(self.events.values())}
        return Answer(200, body)
