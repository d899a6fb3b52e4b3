import gzip
import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from clawbot_agent.core.errors import ClawbotError, DeadlineExceededError, InterruptedRunError
from clawbot_agent.host.http import SystemDownload
from tests.contract.host.conftest import Limits

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """/ok, /redirect, /cut, /chunked-cut, /html, /slow, /gzip, /status/NNN."""

    def do_GET(self) -> None:
        """Answer."""
        if self.path.startswith("/status/"):
            self.send_error(int(self.path.rpartition("/")[2]))
        elif self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "/ok")
            self.end_headers()
        elif self.path == "/slow":
            self._slow()
        elif self.path == "/chunked-cut":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"400\r\n" + CONTENT[:1024] + b"\r\n")
        else:
            self._whole()

    def _slow(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        for start in range(0, len(CONTENT), 300_000):
            self.wfile.write(CONTENT[start : start + 300_000])
            time.sleep(0.3)

    def _whole(self) -> None:
        body = b"<html>maintenance</html>" if self.path == "/html" else CONTENT
        packed = self.path == "/gzip" and "gzip" in self.headers.get("Accept-Encoding", "")
        body = gzip.compress(body) if packed else body
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.path == "/cut" else body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The base URL of a server on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@dataclass
class Target:
    """Where a download goes, and what is there."""

    path: Path
    download: SystemDownload

    def fetch(self, url: str, sha256: str = SHA256) -> None:
        """Download."""
        self.download(url, target=self.path, sha256=sha256)

    def refused(self, url: str, sha256: str = SHA256) -> ClawbotError:
        """The error of a download that leaves nothing behind."""
        with pytest.raises(ClawbotError) as caught:
            self.fetch(url, sha256)
        assert not self.path.parent.exists() or not list(self.path.parent.iterdir())
        return caught.value


@pytest.fixture
def target(tmp_path: Path, limits: Limits) -> Target:
    return Target(tmp_path / "cache" / "file.deb", SystemDownload(limits(30)))


@pytest.mark.parametrize("path", ["/ok", "/redirect", "/gzip"])
def test_file_with_the_right_hash_arrives(server: str, target: Target, path: str) -> None:
    """Through redirects, whole, and readable by apt's own user."""
    target.fetch(server + path, SHA256.upper())
    assert target.path.read_bytes() == CONTENT
    assert target.path.stat().st_mode & 0o777 == 0o644
    assert list(target.path.parent.iterdir()) == [target.path]


def test_wrong_hash_leaves_nothing(server: str, target: Target) -> None:
    error = target.refused(f"{server}/ok", "0" * 64)
    assert error.code == "SHA256_MISMATCH"
    assert not error.retryable
    assert SHA256 in error.message
    assert "0" * 64 in error.message


def test_error_page_with_status_200_is_a_wrong_hash(server: str, target: Target) -> None:
    assert target.refused(f"{server}/html").code == "SHA256_MISMATCH"


def test_existing_file_is_kept_when_the_new_one_is_wrong(server: str, target: Target) -> None:
    target.fetch(f"{server}/ok")
    with pytest.raises(ClawbotError):
        target.fetch(f"{server}/html")
    assert target.path.read_bytes() == CONTENT


@pytest.mark.parametrize("path", ["/cut", "/chunked-cut"])
def test_interrupted_connection_is_retryable(server: str, target: Target, path: str) -> None:
    error = target.refused(server + path)
    assert (error.code, error.retryable) == ("DOWNLOAD_INCOMPLETE", True)


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (404, "DOWNLOAD_NOT_FOUND", False),
        (403, "DOWNLOAD_NOT_FOUND", False),
        (408, "DOWNLOAD_FAILED", True),
        (429, "DOWNLOAD_FAILED", True),
        (500, "DOWNLOAD_FAILED", True),
        (503, "DOWNLOAD_FAILED", True),
    ],
)
def test_status_decides_the_error(
    server: str, target: Target, status: int, code: str, *, retryable: bool
) -> None:
    error = target.refused(f"{server}/status/{status}")
    assert (error.code, error.retryable) == (code, retryable)
    assert str(status) in error.message


def test_absent_server_is_an_error(target: Target) -> None:
    assert target.refused("http://127.0.0.1:9/x").code == "DOWNLOAD_FAILED"
    assert target.refused("http://no-such-host.invalid/x").code == "DOWNLOAD_FAILED"


def test_download_ends_with_its_limit(server: str, tmp_path: Path, limits: Limits) -> None:
    target = Target(tmp_path / "cache" / "file.deb", SystemDownload(limits(0.5)))
    error = target.refused(f"{server}/slow")
    assert isinstance(error, DeadlineExceededError)


def test_silent_server_does_not_outlast_the_limit(tmp_path: Path, limits: Limits) -> None:
    """The read timeout is never longer than what is left."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = Target(tmp_path / "cache" / "file.deb", SystemDownload(limits(1)))
        started = time.monotonic()
        target.refused(f"http://127.0.0.1:{silent.getsockname()[1]}/x")
        assert time.monotonic() - started < 16


def test_download_can_be_interrupted(
    server: str, target: Target, canceled: threading.Event
) -> None:
    threading.Timer(0.2, canceled.set).start()
    assert isinstance(target.refused(f"{server}/slow"), InterruptedRunError)


def test_full_disk_is_a_write_error(
    server: str, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not as a network's error."""

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    error = target.refused(f"{server}/ok")
    assert error.code == "FILE_WRITE_FAILED"
    assert "No space left on device" in error.message
