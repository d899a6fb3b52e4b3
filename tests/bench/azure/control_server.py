"""The control socket's server side; `control.Control` is its client."""

import json
import socketserver
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.bench.azure.knobs import KnobError
from tests.bench.azure.messages import Service
from tests.bench.azure.web import Recorder


class ControlServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Listens on a unix socket that only root can use.

    Args:
        path: of the socket; a stale one is replaced.
        services: key to service.
        recorder: of their requests.

    Raises:
        OSError: the path is too long for a socket (108 bytes) or not writable.
    """

    daemon_threads = True

    def __init__(self, path: Path, services: Mapping[str, Service], recorder: Recorder) -> None:
        self.services = services
        self.recorder = recorder
        path.unlink(missing_ok=True)
        super().__init__(str(path), _Handler)
        path.chmod(0o600)


class _Handler(BaseHTTPRequestHandler):
    server: ControlServer

    def answer_get(self) -> None:
        """Return a service's state or its recorded requests."""
        key, _, what = self.path.strip("/").partition("/")
        service = self.server.services.get(key)
        if service is None:
            self._send(404, {"error": f"no service {key!r}"})
        elif what == "requests":
            self._send(200, self.server.recorder.list(key))
        else:
            self._send(200, service.snapshot())

    def answer_post(self) -> None:
        """Change a service's state, or reset all services."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        key = self.path.strip("/")
        try:
            state = json.loads(body or b"{}")
        except ValueError:
            state = None
        if key == "reset":
            for service in self.server.services.values():
                service.knobs.reset()
            self.server.recorder.clear()
            self._send(200, {})
        elif key not in self.server.services:
            self._send(404, {"error": f"no service {key!r}"})
        elif not isinstance(state, dict):
            self._send(400, {"error": "the body must be a JSON object"})
        else:
            self._change(self.server.services[key], key, state)

    def _change(self, service: Service, key: str, state: dict[str, object]) -> None:
        try:
            service.change(state)
        except KnobError as error:
            self._send(400, {"error": f"{key}: {error}"})
        else:
            self._send(200, {})

    def _send(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Log nothing: state changes may contain secrets."""


# the base class dispatches by these names
for _name, _method in (("GET", _Handler.answer_get), ("POST", _Handler.answer_post)):
    setattr(_Handler, f"do_{_name}", _method)
