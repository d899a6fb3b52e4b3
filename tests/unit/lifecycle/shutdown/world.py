"""Azure, an instance and time, for the watcher of scheduled events."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from typing import Any, Final

from clawbot_agent.core.paths import SCHEDULED_EVENTS_FILE
from clawbot_agent.host.http import Answer
from clawbot_agent.host.systemd import Notifier
from clawbot_agent.lifecycle.shutdown.daemon import ShutdownDaemon
from tests.fakes import FakeClock, FakeFiles, FakeGetJson, FakePostJson, fake_host

__all__ = ["ME", "FakeInstance", "World"]

ME: Final = "bot-vmss_7"


@dataclass(slots=True)
class FakeInstance:
    """`ShutdownMachine`: a gateway, a run, a lease.

    Attributes:
        drains_in: seconds that the gateway's sessions take to end.
        dies: whether the gateway ends when it is killed.
        run_ends_in: seconds that the present run takes to end; 0 without one.
        on_stop: called when runs are stopped.
        release_takes: seconds until the lease is released.
        refuses: why the state cannot be unmounted.
        done: (second, request) of each request.
    """

    clock: FakeClock
    drains_in: float = 20.0
    dies: bool = True
    run_ends_in: float = 0.0
    release_takes: float = 2.0
    refuses: str = ""
    syncs: bool = True
    on_stop: Callable[[], None] = lambda: None
    done: list[tuple[float, str]] = field(default_factory=list)
    _gateway_ends: float | None = None
    _run_ends: float = 0.0
    _released_at: float | None = None

    def stop_runs(self) -> None:
        """See `ShutdownMachine`."""
        self._note("stop runs")
        self.on_stop()
        self._run_ends = self.clock.monotonic() + self.run_ends_in

    def runs_are_over(self) -> bool:
        """See `ShutdownMachine`."""
        return self.clock.monotonic() >= self._run_ends

    def stop_gateway(self) -> None:
        """See `ShutdownMachine`."""
        self._note("stop gateway")
        if self._gateway_ends is None:
            self._gateway_ends = self.clock.monotonic() + self.drains_in

    def gateway_is_over(self) -> bool:
        """See `ShutdownMachine`."""
        return self._gateway_ends is not None and self.clock.monotonic() >= self._gateway_ends

    def kill_gateway(self) -> None:
        """See `ShutdownMachine`."""
        self._note("kill gateway")
        if self.dies:
            self._gateway_ends = self.clock.monotonic()

    def sync(self, seconds: float) -> bool:
        """See `ShutdownMachine`."""
        self._note(f"sync {seconds:.0f}")
        return self.syncs

    def release(self) -> None:
        """See `ShutdownMachine`."""
        self._note("release")
        self._released_at = self.clock.monotonic() + self.release_takes

    def release_is_over(self) -> bool:
        """See `ShutdownMachine`."""
        return self._released_at is not None and self.clock.monotonic() >= self._released_at

    def release_problem(self) -> str:
        """See `ShutdownMachine`."""
        return self.refuses

    def return_to_work(self) -> None:
        """See `ShutdownMachine`."""
        self._note("return")
        self._gateway_ends = None

    def when(self, what: str) -> float:
        """Return the second of the first such request."""
        return next(second for second, one in self.done if one.startswith(what))

    def asked(self, what: str) -> bool:
        """Whether there was such a request."""
        return any(one.startswith(what) for _second, one in self.done)

    def _note(self, what: str) -> None:
        self.done.append((self.clock.monotonic(), what))


@dataclass(slots=True)
class _Metadata(FakeGetJson):
    """The metadata service."""

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
class _Approvals(FakePostJson):
    """Receives approvals."""

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
        return self.world.approve(body)


@dataclass
class World:
    """Azure, an instance and its watcher.

    Attributes:
        events: what Azure announces, by id.
        status: HTTP status of the metadata service about events; 0 is no answer.
        approval_status: HTTP status of its answer to an approval.
        approved: (second, id) of each approved event.
        reported: (name, text) of each report.
    """

    clock: FakeClock = field(default_factory=FakeClock)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    status: int = 200
    approval_status: int = 200
    approved: list[tuple[float, str]] = field(default_factory=list)
    reported: list[tuple[str, str]] = field(default_factory=list)
    instance: FakeInstance = field(init=False)
    files: FakeFiles = field(init=False)
    daemon: ShutdownDaemon = field(init=False)

    def __post_init__(self) -> None:
        """Start the watcher."""
        self.instance, self.files = FakeInstance(self.clock), FakeFiles(clock=self.clock)
        self.metadata = _Metadata(answer=self._answer)
        self.start()

    def start(self) -> None:
        """Restart the watcher on the same machine."""
        post = _Approvals(world=self)
        host = fake_host(files=self.files, clock=self.clock, get_json=self.metadata, post_json=post)
        self.daemon = ShutdownDaemon(
            host, self.instance, Notifier(), lambda event, text: self.reported.append((event, text))
        )
        self.daemon.begin()

    def announce(
        self, kind: str, *names: str, seconds: float | None = 300, name: str = "E"
    ) -> None:
        """Announce an event; without `seconds` it has already started."""
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
        """Run the watcher for so long."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            self.clock.advance(self.daemon.tick())

    def approve(self, body: Mapping[str, Any]) -> Answer:
        """Receive an approval."""
        if self.approval_status == 200:
            for wanted in body["StartRequests"]:
                self.approved.append((self.clock.monotonic(), wanted["EventId"]))
                self.events[wanted["EventId"]] |= {"EventStatus": "Started", "NotBefore": ""}
        return Answer(self.approval_status, {})

    @property
    def report(self) -> dict[str, Any]:
        """Return scheduled-events.json; empty without one."""
        found: dict[str, Any] = json.loads(self.files.read_text(SCHEDULED_EVENTS_FILE) or "{}")
        return found

    def _answer(self, url: str) -> Answer:
        if "/instance/compute" in url:
            return Answer(200, {"name": ME})
        if self.status != 200:
            return Answer(self.status, {}, "TimeoutError" if not self.status else "")
        body = {"DocumentIncarnation": 1, "Events": list(self.events.values())}
        return Answer(200, body)
