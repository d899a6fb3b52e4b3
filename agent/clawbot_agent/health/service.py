"""The sidecar as a whole: checks, board, web server, and systemd's watchdog."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from clawbot_agent.core.constants import HEALTH_PORT
from clawbot_agent.core.errors import ClawbotError, FailureCause
from clawbot_agent.engine.finding import ComponentState, Finding
from clawbot_agent.health.app import (
    PUBLIC_PATH,
    Page,
    application,
    azure_page,
    health_pages,
    progress_pages,
)
from clawbot_agent.health.azure_health import AZURE_PATH, AzureHealth
from clawbot_agent.health.board import Board, Cache, Snapshot
from clawbot_agent.health.metrics import PATH as METRICS_PATH
from clawbot_agent.health.metrics import Metrics, RecordReader
from clawbot_agent.health.progress import ProgressPage
from clawbot_agent.health.refresh import Watch, start
from clawbot_agent.host import Host
from clawbot_agent.host.limit import Clock
from clawbot_agent.host.network import WebServer, listening_on_loopback
from clawbot_agent.host.systemd import Notifier

_TICK_SECONDS: Final = 1.0
# without an answer, or a single finding, for this long systemd may restart the sidecar
_SILENT_SECONDS: Final = 40.0
_DEFAULT_WATCHDOG: Final = 60.0
_SELF_SECONDS: Final = 5.0


class PortTakenError(ClawbotError):
    """The sidecar's port is in use."""

    code = "SIDECAR_PORT_TAKEN"
    cause = FailureCause.INSTANCE
    hint = f"run 'ss -ltnp sport = :{HEALTH_PORT}' to find the program that listens there"


class ServerEndedError(ClawbotError):
    """The sidecar's web server ended unexpectedly."""

    code = "SIDECAR_SERVER_ENDED"
    cause = FailureCause.UNCERTAIN
    hint = "this is a bug in clawbot-agent; 'journalctl -u clawbot-sidecar' has the traceback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The sidecar's service.

    Attributes:
        host: the machine; its limit's `canceled` ends the service.
        watches: the components.
        say: takes a line for the journal.
        port: on both loopback addresses; 0 takes a free one.
        pages: further pages by path.
    """

    host: Host
    watches: tuple[Watch, ...]
    notifier: Notifier
    say: Callable[[str], None]
    port: int = HEALTH_PORT
    pages: Callable[[Board], Mapping[str, Page]] = health_pages

    def run(self) -> None:
        """Serve until the limit is canceled.

        Raises:
            PortTakenError: the port is in use.
            ServerEndedError: the web server ended.
        """
        try:
            sockets = listening_on_loopback(self.port)
        except OSError as error:
            msg = f"port {self.port}: {error.strerror or error}"
            raise PortTakenError(msg) from error
        clock = self.host.clock
        cache = Cache(clock)
        itself = _SelfCheck(port=sockets[0].getsockname()[1], clock=clock)
        records = RecordReader(clock)
        start((*self.watches, itself.watch, records.watch), host=self.host, cache=cache)
        azure, progress = AzureHealth(), ProgressPage()
        followers = (azure.follow, progress.follow)
        board = Board(cache=cache, names=self._names, clock=clock, followers=followers)
        metrics = Metrics(board=board, records=records, azure=azure)
        pages = {
            **self.pages(board),
            **progress_pages(progress),
            AZURE_PATH: azure_page(board, azure),
            METRICS_PATH: metrics.page,
        }
        server = WebServer(application(pages), sockets)
        server.start()
        self.say(f"listens on {', '.join(_address(one.getsockname()) for one in sockets)}")
        self.notifier.ready()
        self._report(board.snapshot)
        self._watch_over(board, server, _Signs(cache, itself, self._names))
        self.notifier.stopping()

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(watch.name for watch in self.watches)

    def _watch_over(self, board: Board, server: WebServer, alive: "_Signs") -> None:
        limit, clock = self.host.limit, self.host.clock
        pause = (self.notifier.watchdog_seconds or _DEFAULT_WATCHDOG) / 4
        due = clock.monotonic()
        while not limit.canceled.is_set():
            if (changed := board.renew()) is not None:
                self._report(changed)
            if not server.running:
                msg = "the web server's thread is gone"
                raise ServerEndedError(msg)
            if clock.monotonic() >= due and alive():
                self.notifier.watchdog()
                due = clock.monotonic() + pause
            clock.wait(limit.canceled, _TICK_SECONDS)

    def _report(self, snapshot: Snapshot) -> None:
        line = f"{snapshot.verdict.overall.value}: {snapshot.verdict.reason}"
        self.say(line)
        self.notifier.status(line)


@dataclass(frozen=True, slots=True)
class _Signs:
    """Whether checks end and requests are answered: else a restart is better."""

    cache: Cache
    itself: "_SelfCheck"
    names: tuple[str, ...]

    def __call__(self) -> bool:
        checks = self.cache.silence(self.names) < _SILENT_SECONDS
        return checks and self.itself.silence() < _SILENT_SECONDS


class _SelfCheck:
    """Requests the sidecar's own page as a client does, and keeps when that last worked."""

    def __init__(self, *, port: int, clock: Clock) -> None:
        """Count from now."""
        self._url = f"http://127.0.0.1:{port}{PUBLIC_PATH}"
        self._clock = clock
        self._answered = clock.monotonic()

    @property
    def watch(self) -> Watch:
        """To be started beside those of the components."""
        return Watch("sidecar", self, every=5, limit=_SELF_SECONDS + 1)

    def silence(self) -> float:
        """Return the seconds since the last answer."""
        return self._clock.monotonic() - self._answered

    def __call__(self, host: Host) -> Finding:
        """Send one request over the loopback."""
        answer = host.get_json(self._url, timeout=_SELF_SECONDS)
        if "status" not in answer.body:
            problem = answer.problem or f"answers {answer.status}"
            return Finding(ComponentState.FAILED, problem)
        self._answered = self._clock.monotonic()
        return Finding(ComponentState.OK, "answers")


def _address(name: tuple[object, ...]) -> str:
    host = f"[{name[0]}]" if ":" in str(name[0]) else name[0]
    return f"{host}:{name[1]}"
