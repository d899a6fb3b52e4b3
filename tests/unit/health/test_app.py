import json
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from clawbot_agent.health.app import PUBLIC_PATH, Response, application, health_pages
from clawbot_agent.health.cache import Cache
from clawbot_agent.health.finding import Finding, State
from clawbot_agent.health.snapshot import Board
from tests.fakes.clock import FakeClock

REASON: Final = "the reason is nobody's business outside"


@dataclass
class Site:
    """The application over a board with one component."""

    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        """Build it."""
        self.cache = Cache(self.clock)
        self.cache.expect("gateway", good_for=100)
        self.cache.expect("caddy", good_for=100)
        self.board = Board(cache=self.cache, names=("gateway", "caddy"), clock=self.clock)
        self.app = application(health_pages(self.board))

    def put(self, gateway: State) -> None:
        """Have both looked at, and the board renewed."""
        self.cache.put("caddy", Finding(State.OK, "passes on"))
        self.cache.put("gateway", Finding(gateway, REASON))
        self.board.renew()

    def ask(self, path: str, method: str = "GET") -> tuple[str, dict[str, str], bytes]:
        """Status line, headers and body."""
        told: dict[str, Any] = {}

        def start_response(line: str, headers: list[tuple[str, str]], _: object = None) -> Any:  # noqa: ANN401 - WSGI's own signature
            told.update(line=line, headers=dict(headers))

        environ = {"REQUEST_METHOD": method, "PATH_INFO": path}
        body = b"".join(self.app(environ, start_response))
        return told["line"], told["headers"], body


@pytest.fixture
def site() -> Site:
    return Site()


def test_health_tells_all_that_is_known(site: Site) -> None:
    site.put(State.OK)
    line, headers, body = site.ask("/health")
    assert line == "200 OK"
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "no-store"
    assert json.loads(body) == {
        "schema": 1,
        "status": "healthy",
        "since": "2026-01-01T00:00:00+00:00",
        "reason": REASON,
        "components": {
            "gateway": {"state": "ok", "since": "2026-01-01T00:00:00+00:00", "reason": REASON},
            "caddy": {"state": "ok", "since": "2026-01-01T00:00:00+00:00", "reason": "passes on"},
        },
    }


@pytest.mark.parametrize(
    ("state", "line", "word"),
    [
        (State.OK, "200 OK", "healthy"),
        (State.WARNING, "200 OK", "degraded"),
        (State.FAILED, "503 Service Unavailable", "unhealthy"),
        (State.PENDING, "503 Service Unavailable", "starting"),
    ],
)
def test_outsiders_get_the_word_and_nothing_else(
    site: Site, state: State, line: str, word: str
) -> None:
    site.put(state)
    assert site.ask(PUBLIC_PATH)[::2] == (line, json.dumps({"status": word}).encode())
    assert site.ask("/health")[0] == line


def test_a_board_that_nobody_renews_is_no_health(site: Site) -> None:
    site.put(State.OK)
    site.clock.advance(16)
    for path in ("/health", PUBLIC_PATH):
        line, _, body = site.ask(path)
        assert line.startswith("503")
        assert json.loads(body)["status"] == "unhealthy"


def test_head_has_the_length_and_no_body(site: Site) -> None:
    site.put(State.OK)
    full = site.ask("/health")
    head = site.ask("/health", "HEAD")
    assert head == (full[0], full[1], b"")
    assert full[1]["Content-Length"] == str(len(full[2]))


@pytest.mark.parametrize("path", ["/", "/health/", "/Health", "/health/public/x", ""])
def test_other_paths_are_not_found(site: Site, path: str) -> None:
    assert site.ask(path)[0] == "404 Not Found"


def test_nobody_writes(site: Site) -> None:
    line, headers, _ = site.ask("/health", "POST")
    assert (line, headers["Allow"]) == ("405 Method Not Allowed", "GET, HEAD")


def test_a_page_may_be_of_another_kind_and_have_headers() -> None:
    """What issue 4's pages need."""
    site = Site()
    page = Response(200, b"<p>", kind="text/html", headers=(("Refresh", "5"),))
    site.app = application({"/progress": lambda: page})
    _, headers, body = site.ask("/progress")
    assert (headers["Content-Type"], headers["Refresh"], body) == ("text/html", "5", b"<p>")


def test_since_is_when_the_word_changed(site: Site) -> None:
    site.put(State.OK)
    site.clock.advance(5)
    site.put(State.FAILED)
    changed = site.clock.now()
    site.clock.advance(5)
    assert site.board.renew() is None
    assert site.board.snapshot.since == changed
    site.cache.put("gateway", Finding(State.OK, "again"))
    back = site.board.renew()
    assert back is not None
    assert (back.verdict.overall, back.since) == ("healthy", site.clock.now())
