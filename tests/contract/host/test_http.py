import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from clawbot_agent.host.http import SystemGetJson, SystemPostJson
from tests.contract.host.conftest import Limits

BODIES = {
    "/object": b'{"ready": true}',
    "/array": b"[1, 2]",
    "/html": b"<!doctype html>",
    "/query?deep=1": b'{"query": true}',
}


class Handler(BaseHTTPRequestHandler):
    """A local service; /NNN answers with that status and a JSON object."""

    def do_GET(self) -> None:
        """Answer."""
        status = int(self.path[1:]) if self.path[1:].isdigit() else 200
        body = BODIES.get(self.path, b'{"ready": false}')
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Say what came."""
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        kind, flag = self.headers["Content-Type"], self.headers["Metadata"]
        body = json.dumps({"sent": json.loads(sent), "type": kind, "flag": flag}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The base URL of a server on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.mark.parametrize(
    ("path", "status", "body", "problem"),
    [
        ("/object", 200, {"ready": True}, ""),
        ("/query?deep=1", 200, {"query": True}, ""),
        ("/503", 503, {"ready": False}, ""),
        ("/array", 200, {}, "the answer is not a JSON object"),
        ("/html", 200, {}, "the answer is not JSON"),
    ],
)
def test_answer_has_status_body_and_problem(  # noqa: PLR0913 - a table's row
    server: str,
    limits: Limits,
    *,
    path: str,
    status: int,
    body: dict[str, object],
    problem: str,
) -> None:
    """OpenClaw answers unknown paths with 200 and a page."""
    found = SystemGetJson(limits(10))(server + path)
    assert (found.status, found.body, found.problem) == (status, body, problem)


def test_no_answer_is_an_answer(limits: Limits) -> None:
    found = SystemGetJson(limits(10))("http://127.0.0.1:9/readyz")
    assert (found.status, found.body) == (0, {})
    assert "refused" in found.problem


def test_silent_service_does_not_outlast_the_limit(limits: Limits) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/readyz"
        assert SystemGetJson(limits(0.5))(url, timeout=30).status == 0
        assert time.monotonic() - started < 8


def test_post_carries_a_json_object(server: str, limits: Limits) -> None:
    post = SystemPostJson(limits(10))
    found = post(f"{server}/events", {"a": [1]}, headers={"Metadata": "true"})
    assert found.status == 200
    assert found.body == {"sent": {"a": [1]}, "type": "application/json", "flag": "true"}


def test_proxy_settings_are_ignored(
    server: str, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None can reach the metadata service of this machine."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert SystemGetJson(limits(10))(f"{server}/object").status == 200
    assert SystemPostJson(limits(10))(f"{server}/object", {}).status == 200
