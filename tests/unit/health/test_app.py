"""The pages of the sidecar."""

import json
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from clawbot_agent.engine.finding import ComponentState, Finding
from clawbot_agent.health.app import PUBLIC_PATH, Response, application, health_pages
from clawbot_agent.health.board import Board, Cache
from tests.fakes.clock import FakeClock

REASON: Final = "a reason that is not for the public"


@dataclass
class Site:
    """The application over a board with one component."""

    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        """Build the application."""
        self.cache = Cache(self.clock)
        self.cache.expect("gateway", good_for=100)
        self.cache.expect("caddy", good_for=100)
        self.board = Board(cache=self.cache, names=("gateway", "caddy"), clock=self.clock)
        self.app = application(health_pages(self.board))

    def put(self, gateway: ComponentState) -> None:
        """Store findings about both, and renew the board."""
        self.cache.put("caddy", Finding(ComponentState.OK, "proxies"))
        self.cache.put("gateway", Finding(gateway, REASON))
        self.board.renew()

    def ask(self, path: str, method: str = "GET") -> tuple[str, dict[str, str], bytes]:
        """Return status line, headers and body."""
        answer: dict[str, Any] = {}

        def start_response(line: str, headers: list[tuple[str, str]], _: object = None) -> Any:  # noqa: ANN401 - WSGI's own signature
            answer.update(line=line, headers=dict(headers))

        environ = {"REQUEST_METHOD": method, "PATH_INFO": path}
        body = b"".join(self.app(environ, start_response))
        return answer["line"], answer["headers"], body


@pytest.fixture
def site() -> Site:
    return Site()


def test_health_shows_all_components(site: Site) -> None:
    site.put(ComponentState.OK)
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
            "caddy": {"state": "ok", "since": "2026-01-01T00:00:00+00:00", "reason": "proxies"},
        },
    }


@pytest.mark.parametrize(
    ("state", "line", "status"),
    [
        (ComponentState.OK, "200 OK", "healthy"),
        (ComponentState.WARNING, "200 OK", "degraded"),
        (ComponentState.FAILED, "503 Service Unavailable", "unhealthy"),
        (ComponentState.PENDING, "503 Service Unavailable", "starting"),
    ],
)
def test_public_page_shows_the_overall_status_only(
    site: Site, state: ComponentState, line: str, status: str
) -> None:
    site.put(state)
    assert site.ask(PUBLIC_PATH)[::2] == (line, json.dumps({"status": status}).encode())
    assert site.ask("/health")[0] == line


def test_stale_board_is_unhealthy(site: Site) -> None:
    site.put(ComponentState.OK)
    site.clock.advance(16)
    for path in ("/health", PUBLIC_PATH):
        line, _, body = site.ask(path)
        assert line.startswith("503")
        assert json.loads(body)["status"] == "unhealthy"


def test_head_has_the_length_and_no_body(site: Site) -> None:
    site.put(ComponentState.OK)
    full = site.ask("/health")
    head = site.ask("/health", "HEAD")
    assert head == (full[0], full[1], b"")
    assert full[1]["Content-Length"] == str(len(full[2]))


@pytest.mark.parametrize("path", ["/", "/health/", "/Health", "/health/public/x", ""])
def test_other_paths_are_not_found(site: Site, path: str) -> None:
    assert site.ask(path)[0] == "404 Not Found"


def test_other_methods_are_refused(site: Site) -> None:
    line, headers, _ = site.ask("/health", "POST")
    assert (line, headers["Allow"]) == ("405 Method Not Allowed", "GET, HEAD")


def test_page_may_have_another_type_and_headers() -> None:
    site = Site()
    page = Response(200, b"<p>", kind="text/html", headers=(("Refresh", "5"),))
    site.app = application({"/progress": lambda: page})
    _, headers, body = site.ask("/progress")
    assert (headers["Content-Type"], headers["Refresh"], body) == ("text/html", "5", b"<p>")


def test_since_is_when_the_status_changed(site: Site) -> None:
    site.put(ComponentState.OK)
    site.clock.advance(5)
    site.put(ComponentState.FAILED)
    changed = site.clock.now()
    site.clock.advance(5)
    assert site.board.renew() is None
    assert site.board.snapshot.since == changed
    site.cache.put("gateway", Finding(ComponentState.OK, "again"))
    back = site.board.renew()
    assert back is not None
    assert (back.verdict.overall, back.since) == ("healthy", site.clock.now())
