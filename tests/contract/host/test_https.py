import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Final

import pytest

from clawbot_agent.host.http import CertifiedAnswer, ask_https
from tests.bench.azure import ca

NAME: Final = "bot.example.org"


class Handler(BaseHTTPRequestHandler):
    """Answers JSON on one path, and text on the others."""

    def do_GET(self) -> None:
        """Note the requested name."""
        body = b'{"ok": true}' if self.path == "/healthz" else b"text"
        self.send_response(200 if self.headers["Host"] == NAME else 400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Site:
    """A server for NAME, and a context that trusts its authority."""

    address: tuple[str, int]
    trust: ssl.SSLContext

    def ask(
        self, path: str = "/healthz", *, domain: str = NAME, trust: ssl.SSLContext | None = None
    ) -> CertifiedAnswer:
        """Ask it."""
        trust = trust or self.trust
        return ask_https(domain, path, timeout=5, address=self.address, trust=trust)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("ca")
    certificate, key = ca.server_certificate(directory, (NAME,))
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(certificate, key)
    trust = ssl.create_default_context(cafile=str(ca.ensure(directory)))
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = own.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Site(("127.0.0.1", server.server_port), trust)
        server.shutdown()
        thread.join()


def test_answer_has_the_expiry_of_its_certificate(site: Site) -> None:
    found = site.ask()
    assert (found.answer.status, found.answer.body) == (200, {"ok": True})
    assert found.certificate_end is not None
    left = found.certificate_end - datetime.now(tz=UTC)
    assert timedelta(days=819) < left <= timedelta(days=820)


def test_answer_that_is_not_json_is_reported(site: Site) -> None:
    answer = site.ask("/").answer
    assert (answer.status, answer.problem) == (200, "the answer is not JSON")


def test_certificate_for_another_name_is_no_answer(site: Site) -> None:
    found = site.ask(domain="other.example.org")
    assert found.certificate_end is None
    assert found.answer.status == 0
    assert found.answer.problem.startswith("certificate: Hostname mismatch")


def test_certificate_of_an_unknown_authority_is_no_answer(site: Site) -> None:
    found = site.ask(trust=ssl.create_default_context())
    assert found.answer.problem.startswith("certificate: ")
    assert found.refused


def test_server_without_a_certificate_for_the_name_is_distinguished(tmp_path: Path) -> None:
    """As Caddy answers before an authority gave it one: with an alert."""
    certificate, key = ca.server_certificate(tmp_path, (NAME,))
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(certificate, key)
    own.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            line, _ = listener.accept()
            with contextlib.suppress(OSError), own.wrap_socket(line, server_side=True):
                pass

        thread = threading.Thread(target=serve)
        thread.start()
        trust = ssl.create_default_context(cafile=str(ca.ensure(tmp_path)))
        found = ask_https(NAME, "/", timeout=5, address=listener.getsockname(), trust=trust)
        thread.join()
    assert found.answer.problem == "certificate: TLSV1_ALERT_INTERNAL_ERROR"
    assert found.refused


def test_absent_server_is_reported() -> None:
    found = ask_https(NAME, "/", timeout=1, address=("127.0.0.1", 1))
    assert found.answer.problem.startswith("ConnectionRefusedError")
    assert not found.refused
