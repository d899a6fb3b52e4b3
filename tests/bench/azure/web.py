"""HTTP/1.1 over plain and TLS sockets: turns connections into requests and writes replies."""

import ssl
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, TypedDict

from tests.bench.azure.messages import FilePart, Reply, Request, Service

_CHUNK_BYTES: Final = 1 << 16
_IDLE_SECONDS: Final = 120
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class Record(TypedDict):
    """One request as control reports it."""

    client: str
    method: str
    host: str
    path: str
    query: str
    status: int
    time: float


class Recorder:
    """Records requests by service and logs each in one line, without bodies and headers."""

    def __init__(self, log: Callable[[str], None] | None = None) -> None:
        self._log = log or _log_to_stderr
        self._records: dict[str, list[Record]] = {}
        self._lock = threading.Lock()

    def add(self, key: str, request: Request, status: int) -> None:
        """Record and log one answered request."""
        record = Record(
            client=request.client,
            method=request.method,
            host=request.host,
            path=request.path,
            query=request.query,
            status=status,
            time=time.time(),
        )
        with self._lock:
            self._records.setdefault(key, []).append(record)
        target = f"{request.host}{request.path}{'?' if request.query else ''}{request.query}"
        self._log(f"{key} {request.client} {request.method} {target} {status}")

    def list(self, key: str) -> list[Record]:
        """Return the records of a service, oldest first."""
        with self._lock:
            return list(self._records.get(key, ()))

    def clear(self) -> None:
        """Delete all records."""
        with self._lock:
            self._records.clear()


class WebServer(ThreadingHTTPServer):
    """One listening address of one service, with a thread for each connection.

    Args:
        address: IPv4 address and port; port 0 selects a free one.
        key: the service's key, for records and the log.
        tls: certificate and key files (PEM), or None for plain HTTP.

    Raises:
        OSError: the address does not exist or is in use.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(
        self,
        address: tuple[str, int],
        *,
        key: str,
        service: Service,
        recorder: Recorder,
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        self.key = key
        self.service = service
        self.recorder = recorder
        super().__init__(address, _Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            # the handshake happens in the connection's thread, at its first read: a client that
            # stalls must not block the accept loop
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def handle_error(
        self,
        request: object,  # noqa: ARG002 - the base class's signature
        client_address: object,
    ) -> None:
        """Log a broken connection in one line instead of a traceback."""
        error = sys.exception()
        _log_to_stderr(f"{self.key} {client_address}: connection ended: {error!r}")


class _Handler(BaseHTTPRequestHandler):
    server: WebServer
    protocol_version = "HTTP/1.1"
    server_version = "bench"
    sys_version = ""
    timeout = _IDLE_SECONDS
    # send headers and body of small answers as one segment
    wbufsize = -1
    disable_nagle_algorithm = True

    def respond(self) -> None:
        """Answer the request that has just been read."""
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        path, _, query = self.path.partition("?")
        request = Request(
            method=self.command,
            path=path,
            host=(self.headers.get("Host") or "").partition(":")[0].lower(),
            query=query,
            headers={name.lower(): value for name, value in self.headers.items()},
            client=self.client_address[0],
            body=body,
        )
        reply = self.server.service.answer(request)
        self.server.recorder.add(self.server.key, request, reply.status)
        if reply.status == 0:
            self.close_connection = True
            return
        self._send(reply)

    def _send(self, reply: Reply) -> None:
        length = reply.body.length if isinstance(reply.body, FilePart) else len(reply.body)
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in reply.headers):
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(reply, length)
        self.wfile.flush()

    def _send_body(self, reply: Reply, length: int) -> None:
        limit = length
        if reply.stop_after is not None and reply.stop_after < length:
            limit = reply.stop_after
            self.close_connection = True
        if isinstance(reply.body, bytes):
            self.wfile.write(reply.body[:limit])
            return
        part, sent = reply.body, 0
        # small pieces keep a slow download's rate even
        piece = _CHUNK_BYTES if reply.rate is None else max(1, min(_CHUNK_BYTES, reply.rate // 10))
        with part.path.open("rb") as content:
            content.seek(part.start)
            while sent < limit:
                chunk = bytearray(content.read(min(piece, limit - sent)))
                if part.flip is not None:
                    _flip(chunk, part.flip - part.start - sent)
                self.wfile.write(chunk)
                sent += len(chunk)
                if reply.rate:
                    self.wfile.flush()
                    time.sleep(len(chunk) / reply.rate)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Log nothing: the recorder logs."""


for _method in _METHODS:
    setattr(_Handler, f"do_{_method}", _Handler.respond)


def _flip(chunk: bytearray, index: int) -> None:
    if 0 <= index < len(chunk):
        chunk[index] ^= 0xFF


def _log_to_stderr(line: str) -> None:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(f"{stamp} {line}", file=sys.stderr, flush=True)
