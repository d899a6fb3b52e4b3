"""The WSGI application: a path, a page. Nothing here waits for anything."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from clawbot_agent.health.azure_health import AzureHealth
from clawbot_agent.health.progress import Progress, page, policy
from clawbot_agent.health.snapshot import Board
from clawbot_agent.health.verdict import Overall

if TYPE_CHECKING:
    from wsgiref.types import StartResponse

__all__ = [
    "PUBLIC_PATH",
    "STALE_SECONDS",
    "Page",
    "Response",
    "application",
    "azure_page",
    "health_pages",
    "progress_pages",
]

PUBLIC_PATH: Final = "/health/public"
"""Where Caddy sends those who ask from outside: the overall word and nothing else."""

PROGRESS_PATH: Final = "/.clawbot/progress.json"
"""Where the page finds its document also when it came through Caddy."""
PROGRESS_MARK: Final = "X-Clawbot-Progress"
"""Header by which the page knows itself."""

_READING: Final = frozenset({"GET", "HEAD"})
_JSON: Final = "application/json"
_LINES: Final = {
    200: "200 OK",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    503: "503 Service Unavailable",
}
# the board is renewed every second; when it is not, nobody knows how the bot is
STALE_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Response:
    """What a page says."""

    status: int
    body: bytes
    kind: str = _JSON
    headers: tuple[tuple[str, str], ...] = ()


Page = Callable[[], Response]
_Wsgi = Callable[[Mapping[str, Any], "StartResponse"], Iterable[bytes]]


def application(pages: Mapping[str, Page]) -> _Wsgi:
    """Serves each page at its path, to GET and HEAD."""

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
        return Response(404, _error("there is no such page"))
    if method not in _READING:
        return Response(405, _error("only GET and HEAD"), headers=(("Allow", "GET, HEAD"),))
    return page()


def _error(text: str) -> bytes:
    return json.dumps({"error": text}).encode()


def health_pages(board: Board) -> dict[str, Page]:
    """`/health` with all that is known, and the public page with one word."""
    words = {word: json.dumps({"status": word.value}).encode() for word in Overall}
    stale = {"status": Overall.UNHEALTHY.value, "reason": "the sidecar no longer looks"}

    def full() -> Response:
        if board.age() > STALE_SECONDS:
            return Response(503, json.dumps(stale).encode())
        overall, text = board.present()
        return Response(_status(overall), text)

    def public() -> Response:
        overall, _ = board.present()
        if board.age() > STALE_SECONDS:
            overall = Overall.UNHEALTHY
        return Response(_status(overall), words[overall])

    return {"/health": full, PUBLIC_PATH: public}


def azure_page(board: Board, azure: AzureHealth) -> Page:
    """The answer to Azure's extension, with 200: of any other status it does not read the body.

    A sidecar that no longer looks says nothing about the bot.
    """

    def page() -> Response:
        if board.age() > STALE_SECONDS:
            return Response(503, _error("the sidecar no longer looks"))
        return Response(200, azure.body)

    return page


def progress_pages(progress: Progress) -> dict[str, Page]:
    """The page, and the document that it asks for under a path that OpenClaw does not have."""
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
