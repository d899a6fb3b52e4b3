"""The sidecar as a whole: refreshers, board, web server, and a sign of life to systemd."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from clawbot_agent.core.constants import HEALTH_PORT
from clawbot_agent.core.errors import ClawbotError, FailureCause
from clawbot_agent.health.app import Page, application, azure_page, health_pages, progress_pages
from clawbot_agent.health.azure_health import AZURE_PATH, AzureHealth
from clawbot_agent.health.cache import Cache
from clawbot_agent.health.itself import Itself
from clawbot_agent.health.metrics import PATH as METRICS_PATH
from clawbot_agent.health.metrics import Metrics
from clawbot_agent.health.progress import Progress
from clawbot_agent.health.records import RecordReader
from clawbot_agent.health.refresh import Watch, start
from clawbot_agent.health.snapshot import Board, Snapshot
from clawbot_agent.host import Host
from clawbot_agent.host.listen import listening_on_loopback
from clawbot_agent.host.notify import Notifier
from clawbot_agent.host.web import WebServer

__all__ = ["PortTakenError", "ServerEndedError", "Service"]

_TICK_SECONDS: Final = 1.0
# without an own answer, or a single finding, for this long systemd may start us anew
_SILENT_SECONDS: Final = 40.0
_DEFAULT_WATCHDOG: Final = 60.0


class PortTakenError(ClawbotError):
    """The sidecar cannot listen."""

    code = "SIDECAR_PORT_TAKEN"
    cause = FailureCause.INSTANCE
    hint = f"'ss -ltnp sport = :{HEALTH_PORT}' names the program that listens there"


class ServerEndedError(ClawbotError):
    """The sidecar's web server ended by itself."""

    code = "SIDECAR_SERVER_ENDED"
    cause = FailureCause.UNCERTAIN
    hint = "this is a bug in clawbot-agent; 'journalctl -u clawbot-sidecar' has the traceback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What it consists of.

    Attributes:
        host: the machine; its limit's `cancelled` ends the service.
        watches: what to look at.
        notifier: tells systemd.
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
        """Serve until told to stop.

        Raises:
            PortTakenError: it never began.
            ServerEndedError: the web server is gone.
        """
        try:
            sockets = listening_on_loopback(self.port)
        except OSError as error:
            msg = f"port {self.port}: {error.strerror or error}"
            raise PortTakenError(msg) from error
        clock = self.host.clock
        cache = Cache(clock)
        itself = Itself(port=sockets[0].getsockname()[1], clock=clock)
        records = RecordReader(clock)
        start((*self.watches, itself.watch, records.watch), host=self.host, cache=cache)
        azure, progress = AzureHealth(), Progress()
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
        self._tell(board.snapshot)
        lives = _Signs(cache, itself, self._names)
        self._watch_over(board, server, lives)
        self.notifier.stopping()

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(watch.name for watch in self.watches)

    def _watch_over(self, board: Board, server: WebServer, lives: "_Signs") -> None:
        limit, clock = self.host.limit, self.host.clock
        pause = (self.notifier.watchdog_seconds or _DEFAULT_WATCHDOG) / 4
        due = clock.monotonic()
        while not limit.cancelled.is_set():
            if (changed := board.renew()) is not None:
                self._tell(changed)
            if not server.running:
                msg = "the web server's thread is gone"
                raise ServerEndedError(msg)
            if clock.monotonic() >= due and lives():
                self.notifier.watchdog()
                due = clock.monotonic() + pause
            clock.wait(limit.cancelled, _TICK_SECONDS)

    def _tell(self, snapshot: Snapshot) -> None:
        line = f"{snapshot.verdict.overall.value}: {snapshot.verdict.reason}"
        self.say(line)
        self.notifier.status(line)


@dataclass(frozen=True, slots=True)
class _Signs:
    """Whether looks come back and requests are answered: else a new start is the better way."""

    cache: Cache
    itself: Itself
    names: tuple[str, ...]

    def __call__(self) -> bool:
        looks = self.cache.silence(self.names) < _SILENT_SECONDS
        return looks and self.itself.silence() < _SILENT_SECONDS


def _address(name: tuple[object, ...]) -> str:
    host = f"[{name[0]}]" if ":" in str(name[0]) else name[0]
    return f"{host}:{name[1]}"
