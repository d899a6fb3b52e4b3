"""An instance in simulated time: a world that changes, the real checks, and Azure.

Real are the checks, their intervals and limits, the judgment once a second, the pages and the WSGI
application. The world is what a check finds; each answer takes its time.
"""

import io
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from math import inf
from typing import Any, Final

from clawbot_agent.core.paths import LEASE_FILE
from clawbot_agent.engine.finding import Finding
from clawbot_agent.features.gateway.health import LIVE_URL
from clawbot_agent.features.gateway.readiness import READY_URL
from clawbot_agent.health.app import application, azure_page, health_pages
from clawbot_agent.health.azure_health import AZURE_PATH, AzureHealth
from clawbot_agent.health.board import Board, Cache
from clawbot_agent.health.checks import DiskCheck, bot_watches
from clawbot_agent.health.refresh import Watch, checked
from clawbot_agent.host import Host
from clawbot_agent.host.commands import Completed
from clawbot_agent.host.files import Space
from clawbot_agent.host.http import Answer
from clawbot_agent.records.lease import LEASE, Holder, LeaseReport, LeaseState
from clawbot_agent.records.replacement import REPLACEMENT, ReplacementVerdict, Verdict
from clawbot_agent.records.run import STATUS, Result, RunStatus, StageError, StageState, StageStatus
from tests.fakes import Call, FakeClock, FakeFiles, FakeRun, fake_host
from tests.support.error_refs import error_refs
from tests.support.health_extension import Extension, Repairs, Reply, Settings, Watched

ME: Final = Holder("this-instance", "boot", "bot-1", "then")
OTHER: Final = Holder("other-instance", "boot", "bot-0", "then")
# as the lease's daemon does (ADR 7)
_BEAT: Final = 10
_FENCE: Final = 88
_REPORT: Final = 5
_MEMORY: Final = "MemTotal: 4000000 kB\nMemAvailable: 2000000 kB\n"
_REFUSED: Final = Answer(0, {}, "ConnectionRefusedError: [Errno 111] Connection refused")
_TIMED_OUT: Final = Answer(0, {}, "TimeoutError: timed out")
_CADDY: Final = "http://127.0.0.1/healthz"


class Service(StrEnum):
    """Behavior of a server."""

    ABSENT = "absent"
    """Connections are refused."""
    UP = "up"
    HUNG = "hung"
    """Accepts, and never answers."""


@dataclass
class World:
    """What a check can find, and the time it takes.

    Attributes:
        share: whether it answers the lease's daemon.
        lease: the daemon's report; None before it runs.
        locked: whether a run of the agent is under way.
        exited: systemd's record of the boot's run: exit status and whether it ended.
        answer_seconds: time the gateway takes for an answer.
        stuck: components whose checks hang.
        spent: seconds that the present check has taken.
    """

    clock: FakeClock
    gateway: Service = Service.ABSENT
    caddy: Service = Service.ABSENT
    share: Service = Service.UP
    lease: LeaseState | None = None
    waiting_for: Holder | None = None
    locked: bool = False
    exited: tuple[int, bool] = (0, False)
    answer_seconds: float = 0.0
    stuck: set[str] = field(default_factory=set)
    spent: float = 0.0
    booted: float = 0.0
    boots: int = 0
    beaten: float = 0.0
    files: FakeFiles = field(init=False)
    run: FakeRun = field(default_factory=FakeRun)
    _began: datetime = field(init=False)

    def __post_init__(self) -> None:
        """Switch the machine on."""
        self.files, self._began = FakeFiles(clock=self.clock), self.clock.now()
        self.files.put("/proc/meminfo", _MEMORY)
        self.run.effect("systemctl", "show", "clawbot-gateway.service", act=self._gateway_unit)
        self.run.effect("systemctl", "show", "clawbot-agent.service", act=self._agent_unit)
        self.boot()

    def boot(self) -> None:
        """Reset everything that does not survive a boot."""
        self.boots += 1
        self.booted = self.clock.monotonic()
        self.files.put("/proc/sys/kernel/random/boot_id", f"boot-{self.boots}\n")
        self.gateway = self.caddy = Service.ABSENT
        self.lease, self.locked, self.exited = None, False, (0, False)
        self.files.remove(LEASE_FILE)
        self.tick()

    def tick(self) -> None:
        """Change what changes by itself each second."""
        now, reported = self.clock.monotonic(), self.files.stat(LEASE_FILE) is not None
        self.files.put("/proc/uptime", f"{now - self.booted:.2f} 1.0\n")
        if self.lease is None:
            return
        if self.share is Service.UP and now - self.beaten >= _BEAT:
            self.beaten = now
        if self.lease is LeaseState.HELD and now - self.beaten > _FENCE:
            # the gateway is killed, and the daemon restarts
            self.lease, self.waiting_for, self.gateway = LeaseState.WAITING, None, Service.ABSENT
        if now % _REPORT == 0 or not reported:
            LEASE.save(self.files, self._report(now))

    def _report(self, now: float) -> LeaseReport:
        assert self.lease is not None
        held, silent = self.lease is LeaseState.HELD, now - self.beaten
        return LeaseReport(
            state=self.lease,
            generation=7,
            holder=ME if held else None,
            waiting_for=self.waiting_for,
            last_heartbeat=self._moment(self.beaten) if held else None,
            problem="" if silent < _BEAT + 5 else f"the share has not answered for {silent:.0f} s",
            updated=self.clock.now(),
        )

    def _moment(self, monotonic: float) -> datetime:
        return datetime.fromtimestamp(
            self.clock.now().timestamp() - self.clock.monotonic() + monotonic,
            tz=self.clock.now().tzinfo,
        )

    def get_json(
        self, url: str, *, timeout: float = 5, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """See `GetJson`."""
        del headers
        if url == _CADDY:
            return self._through_caddy(timeout)
        assert url in {READY_URL, LIVE_URL}
        return self._answer(self.gateway, timeout, Answer(200, {"ready": True, "ok": True}))

    def _through_caddy(self, timeout: float) -> Answer:
        if self.caddy is not Service.UP:
            return self._answer(self.caddy, timeout, _REFUSED)
        if self.gateway is Service.ABSENT:
            return Answer(503, {"ok": False, "status": "unavailable"})
        return self._answer(self.gateway, timeout, Answer(200, {"ok": True}))

    def _answer(self, service: Service, timeout: float, answer: Answer) -> Answer:
        if service is Service.ABSENT:
            return _REFUSED
        takes = inf if service is Service.HUNG else self.answer_seconds
        self.spent += min(takes, timeout)
        return answer if takes < timeout else _TIMED_OUT

    def _gateway_unit(self, call: Call) -> Completed:
        active = "inactive" if self.gateway is Service.ABSENT else "active"
        return Completed(call.argv, 0, f"LoadState=loaded\nActiveState={active}\nNRestarts=0", "")

    def _agent_unit(self, call: Call) -> Completed:
        status, ended = self.exited
        text = f"ExecMainStatus={status}\nExecMainExitTimestampMonotonic={int(ended) * 12345678}"
        return Completed(call.argv, 0, text, "")

    def begin_run(self) -> None:
        """Start a run; its first stage is under way."""
        self.locked, self._began = True, self.clock.now()
        self._write(Result.RUNNING, StageState.RUNNING)

    def end_run(self, *, code: str | None = None) -> None:
        """End the run, successfully or with an error of this code."""
        self.locked, self.exited = False, (0 if code is None else 1, True)
        if code is None:
            self._write(Result.CONVERGED, StageState.UNCHANGED)
        else:
            (known,) = error_refs(code)
            error = StageError(code, "why", "what to do", retryable=False, cause=known.cause)
            self._write(Result.FAILED, StageState.FAILED, error)

    def refuse_config(self) -> None:
        """End the run at once for an invalid configuration, which leaves no status."""
        self.locked, self.exited = False, (2, True)

    def _write(self, result: Result, state: StageState, error: StageError | None = None) -> None:
        stage = StageStatus("apt", "base", state, attempts=1, started=self._began, error=error)
        status = RunStatus(
            instance_id=ME.instance_id,
            boot_id=f"boot-{self.boots}",
            agent_version="0",
            started=self._began,
            stages=(stage,),
            result=result,
            finished=None if result is Result.RUNNING else self.clock.now(),
        )
        STATUS.save(self.files, status)

    def suspend_replacement(self, code: str) -> None:
        """Record that earlier instances failed with the same error."""
        REPLACEMENT.save(self.files, ReplacementVerdict(Verdict.SUSPENDED, code, 2, 24, "alike"))


@dataclass
class _Thread:
    """A thread of the sidecar that checks one component."""

    watch: Watch
    begins: float
    finding: Finding | None = None
    ends: float = inf


class Sidecar:
    """One life of the sidecar's process."""

    def __init__(self, world: World, *, host: Host) -> None:
        """Start the checks, and serve."""
        self._world, self._host, self._clock = world, host, world.clock
        watches = [_on_a_large_disk(watch) for watch in bot_watches()]
        self._cache = Cache(self._clock)
        for watch in watches:
            self._cache.expect(watch.name, good_for=watch.good_for)
        self._threads = [_Thread(watch, self._clock.monotonic()) for watch in watches]
        azure = AzureHealth()
        self.board = Board(
            cache=self._cache,
            names=tuple(watch.name for watch in watches),
            clock=self._clock,
            followers=(azure.follow,),
        )
        pages = {**health_pages(self.board), AZURE_PATH: azure_page(self.board, azure)}
        self._app = application(pages)

    def tick(self) -> None:
        """Advance all threads by one second."""
        now = self._clock.monotonic()
        for each in self._threads:
            if each.finding is None and each.begins <= now:
                self._begin(each, now)
            if each.finding is not None and each.ends <= now:
                self._cache.put(each.watch.name, each.finding)
                each.finding, each.begins = None, each.ends + each.watch.every
        self.board.renew()

    def _begin(self, each: _Thread, now: float) -> None:
        self._world.spent = 0.0
        each.finding = checked(each.watch, self._host)
        stuck = each.watch.name in self._world.stuck
        each.ends = inf if stuck else now + self._world.spent

    def get(self, path: str) -> Reply:
        """Send a request through the WSGI application."""
        answer: dict[str, Any] = {}

        def start_response(line: str, headers: list[tuple[str, str]], _: object = None) -> Any:  # noqa: ANN401 - WSGI's own signature
            answer.update(line=line, headers=headers)

        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "wsgi.input": io.BytesIO()}
        body = b"".join(self._app(environ, start_response))
        return Reply(int(answer["line"].split()[0]), body)


def _on_a_large_disk(watch: Watch) -> Watch:
    if watch.name != "disk":
        return watch
    return replace(watch, check=DiskCheck(space=lambda _path: Space(100, 50, 100, 50)))


class Instance:
    """An instance and Azure; time passes with `wait`.

    Attributes:
        sidecar: None until it is installed, or while it is down.
        watched: Azure's view.
    """

    def __init__(self, *, settings: Settings, phase: int = 0) -> None:
        """Switch it on; the extension sends its first probe `phase` seconds later."""
        self.clock = FakeClock()
        self.world = World(self.clock)
        host = fake_host(run=self.world.run, files=self.world.files, clock=self.clock, deadline=inf)
        self._host = replace(host, get_json=self.world.get_json, rebound=self._rebound)
        self.sidecar: Sidecar | None = None
        self.watched = Watched(Extension(settings, started=phase), Repairs())
        self._asks = float(phase)

    def _rebound(self, limit: Any) -> Host:  # noqa: ANN401 - passed on as it came
        return replace(self._host, limit=limit)

    @property
    def now(self) -> float:
        """Seconds since the first boot."""
        return self.clock.monotonic()

    def start_sidecar(self) -> None:
        """Start it, also again, with no history."""
        self.sidecar = Sidecar(self.world, host=self._host)

    def wait(self, seconds: float) -> None:
        """Advance everything by so many seconds."""
        for _ in itertools.repeat(None, int(seconds)):
            self.world.tick()
            if self.sidecar is not None:
                self.sidecar.tick()
            if self.now >= self._asks:
                self._asks = self.now + self.watched.take(self._reply(), at=self.now)
            self.clock.advance(1)

    def _reply(self) -> Reply:
        return Reply(0) if self.sidecar is None else self.sidecar.get(AZURE_PATH)

    def reboot(self) -> None:
        """Reboot; the sidecar is back after 20 s."""
        self.sidecar = None
        self.wait(5)
        self.world.boot()
        self.watched.rebooted(at=self.now)
        self.wait(15)
        self.start_sidecar()

    def health(self) -> tuple[int, str]:
        """Return HTTP status and overall status of /health."""
        assert self.sidecar is not None
        reply = self.sidecar.get("/health")
        return reply.status, json.loads(reply.body)["status"]

    @property
    def metrics(self) -> Mapping[str, Any]:
        """CustomMetrics, as the instance view shows them now."""
        return self.watched.extension.metrics or {}

    def situations(self) -> Iterator[str]:
        """Yield the situations in CustomMetrics, in order."""
        found = (str(metrics["situation"]) for _, metrics in self.watched.metrics if metrics)
        return (situation for situation, _ in itertools.groupby(found))
