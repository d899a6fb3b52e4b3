"""The WSGI application: a page for each path. Nothing here waits."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from clawbot_agent.health.azure_health import AzureHealth
from clawbot_agent.health.board import Board
from clawbot_agent.health.progress import ProgressPage, page, policy
from clawbot_agent.health.verdict import Overall

if TYPE_CHECKING:
    from wsgiref.types import StartResponse

PUBLIC_PATH: Final = "/health/public"
"""Where Caddy sends requests from outside: the overall status and nothing else."""

PROGRESS_PATH: Final = "/.clawbot/progress.json"
"""Where the page finds its document, also through Caddy."""
PROGRESS_MARK: Final = "X-Clawbot-Progress"
"""Header by which the page recognizes itself."""

_READING: Final = frozenset({"GET", "HEAD"})
_JSON: Final = "application/json"
_LINES: Final = {
    200: "200 OK",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    503: "503 Service Unavailable",
}
# the board is renewed every second; an older one says nothing about the bot
STALE_SECONDS: Final = 15.0
_STALE: Final = "the sidecar no longer checks the bot"


@dataclass(frozen=True, slots=True)
class Response:
    """The answer of a page."""

    status: int
    body: bytes
    kind: str = _JSON
    headers: tuple[tuple[str, str], ...] = ()


Page = Callable[[], Response]
_Wsgi = Callable[[Mapping[str, Any], "StartResponse"], Iterable[bytes]]


def application(pages: Mapping[str, Page]) -> _Wsgi:
    """Return an application that serves each page at its path, to GET and HEAD."""

    def serve(environ: Mapping[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        answer = _answer(pages, path=environ["PATH_INFO"], method=method)
        headers = [
            ("Content-Type", answer.kind),
            ("Content-Length", str(len(answer.body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            *answer.headers,
        ]
        start_response(_LINES[answer.status], headers)
        return [b"" if method == "HEAD" else answer.body]

    return serve


def _answer(pages: Mapping[str, Page], *, path: str, method: str) -> Response:
    page = pages.get(path)
    if page is None:
        return Response(404, _error("no such page"))
    if method not in _READING:
        return Response(
            405, _error("only GET and HEAD are allowed"), headers=(("Allow", "GET, HEAD"),)
        )
    return page()


def _error(text: str) -> bytes:
    return json.dumps({"error": text}).encode()


def health_pages(board: Board) -> dict[str, Page]:
    """Return `/health` with all components, and the public page with the overall status."""
    public_bodies = {one: json.dumps({"status": one.value}).encode() for one in Overall}
    stale = {"status": Overall.UNHEALTHY.value, "reason": _STALE}

    def full() -> Response:
        if board.age() > STALE_SECONDS:
            return Response(503, json.dumps(stale).encode())
        overall, text = board.present()
        return Response(_status(overall), text)

    def public() -> Response:
        overall, _ = board.present()
        if board.age() > STALE_SECONDS:
            overall = Overall.UNHEALTHY
        return Response(_status(overall), public_bodies[overall])

    return {"/health": full, PUBLIC_PATH: public}


def azure_page(board: Board, azure: AzureHealth) -> Page:
    """Return the page for Azure's extension, which reads the body of HTTP 200 only.

    A stale board says nothing about the bot: 503.
    """

    def page() -> Response:
        if board.age() > STALE_SECONDS:
            return Response(503, _error(_STALE))
        return Response(200, azure.body)

    return page


def progress_pages(progress: ProgressPage) -> dict[str, Page]:
    """Return the page, and its document under a path that OpenClaw does not use."""
    html = page()
    shown = Response(
        status=200,
        body=html.encode(),
        kind="text/html; charset=utf-8",
        headers=(
            ("Content-Security-Policy", policy(html)),
            ("Referrer-Policy", "no-referrer"),
            (PROGRESS_MARK, "1"),
        ),
    )

    def document() -> Response:
        return Response(200, progress.body)

    return {"/progress": lambda: shown, "/progress.json": document, PROGRESS_PATH: document}


def _status(overall: Overall) -> int:
    return 200 if overall.serves else 503
