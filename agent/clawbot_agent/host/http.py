"""HTTP: small requests to local services, HTTPS under a bot's own name, and downloads."""

import contextlib
import hashlib
import json
import os
import socket
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from clawbot_agent.core.errors import BRIEF, PATIENT, ClawbotError, FailureCause
from clawbot_agent.core.paths import SYSTEM_CA_BUNDLE
from clawbot_agent.host.files import FileWriteError, sync_directory
from clawbot_agent.host.limit import Limit

if TYPE_CHECKING:
    import requests

__all__ = [
    "Answer",
    "AskHttps",
    "CertifiedAnswer",
    "Download",
    "DownloadFailedError",
    "DownloadIncompleteError",
    "DownloadNotFoundError",
    "GetJson",
    "PostJson",
    "Sha256MismatchError",
    "SystemDownload",
    "SystemGetJson",
    "SystemPostJson",
    "ask_https",
]

_LARGEST: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A local service's answer.

    Attributes:
        status: HTTP status; 0 when there is no answer.
        body: the parsed JSON object; empty when the body is not one.
        problem: why there is no answer, for error messages.
    """

    status: int
    body: dict[str, Any]
    problem: str = ""


class GetJson(Protocol):
    """Fetches a JSON object."""

    def __call__(
        self, url: str, *, timeout: float = 5, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """GET `url` (plain HTTP, this machine); the service's errors do not raise."""
        ...


class PostJson(Protocol):
    """Sends a JSON object."""

    def __call__(
        self,
        url: str,
        body: Mapping[str, Any],
        *,
        timeout: float = 5,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """POST to `url` (plain HTTP, this machine); the service's errors do not raise."""
        ...


@dataclass(frozen=True, slots=True)
class SystemGetJson:
    """`GetJson` on this machine."""

    limit: Limit

    def __call__(
        self, url: str, *, timeout: float = 5, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """See `GetJson`."""
        return _request(self.limit, "GET", url, timeout=timeout, headers=headers or {})


@dataclass(frozen=True, slots=True)
class SystemPostJson:
    """`PostJson` on this machine."""

    limit: Limit

    def __call__(
        self,
        url: str,
        body: Mapping[str, Any],
        *,
        timeout: float = 5,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """See `PostJson`."""
        typed = {"Content-Type": "application/json", **(headers or {})}
        text = json.dumps(body)
        return _request(self.limit, "POST", url, timeout=timeout, headers=typed, body=text)


def _request(  # noqa: PLR0913 - what a request consists of
    limit: Limit,
    method: str,
    url: str,
    *,
    timeout: float,
    headers: Mapping[str, str],
    body: str | None = None,
) -> Answer:
    limit.check()
    parts = urlsplit(url)
    timeout = min(timeout, limit.remaining())
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # no proxy: none can reach this machine or its link-local addresses
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request(method, target, body, headers=dict(headers))
        response = connection.getresponse()
        received = response.read(_LARGEST)
    except (OSError, HTTPException) as error:
        return Answer(0, {}, f"{type(error).__name__}: {error}")
    finally:
        connection.close()
    return _parsed(response.status, received)


def _parsed(status: int, body: bytes) -> Answer:
    try:
        parsed = json.loads(body)
    except ValueError:
        return Answer(status, {}, "the answer is not JSON")
    if not isinstance(parsed, dict):
        return Answer(status, {}, "the answer is not a JSON object")
    return Answer(status, parsed)


# RFC 8446, 6.2: alerts of a server that has no certificate for the name
_NO_CERTIFICATE: Final = frozenset(
    {"TLSV1_ALERT_INTERNAL_ERROR", "TLSV1_UNRECOGNIZED_NAME", "SSLV3_ALERT_HANDSHAKE_FAILURE"}
)


@dataclass(frozen=True, slots=True)
class CertifiedAnswer:
    """An answer over TLS.

    Attributes:
        certificate_end: when its certificate expires; None without a trusted one.
        refused: the server answered, and its certificate is missing or not trusted.
    """

    answer: Answer
    certificate_end: datetime | None = None
    refused: bool = False


class AskHttps(Protocol):
    """Fetches a JSON object over HTTPS from this machine."""

    def __call__(self, domain: str, path: str, *, timeout: float) -> CertifiedAnswer:
        """GET https://DOMAIN/PATH from this machine itself; server errors do not raise."""
        ...


def ask_https(
    domain: str,
    path: str,
    *,
    timeout: float,
    address: tuple[str, int] = ("127.0.0.1", 443),
    trust: ssl.SSLContext | None = None,
) -> CertifiedAnswer:
    """See `AskHttps`; `trust` holds the certificate authorities that clients accept."""
    trust = trust or ssl.create_default_context()
    try:
        with (
            socket.create_connection(address, timeout) as plain,
            trust.wrap_socket(plain, server_hostname=domain) as secure,
        ):
            # before the answer: http.client closes what its server closes
            end = _end(secure)
            return CertifiedAnswer(_answer(secure, domain, path), end)
    except ssl.SSLCertVerificationError as error:
        problem = f"certificate: {error.verify_message}"
        return CertifiedAnswer(Answer(0, {}, problem), refused=True)
    except ssl.SSLError as error:
        # Caddy sends an alert while it has no certificate
        problem = f"certificate: {error.reason or error}"
        return CertifiedAnswer(Answer(0, {}, problem), refused=error.reason in _NO_CERTIFICATE)
    except (OSError, HTTPException) as error:
        return CertifiedAnswer(Answer(0, {}, f"{type(error).__name__}: {error}"))


def _answer(secure: ssl.SSLSocket, domain: str, path: str) -> Answer:
    connection = HTTPConnection(domain)
    connection.sock = secure
    connection.request("GET", path)
    response = connection.getresponse()
    return _parsed(response.status, response.read(_LARGEST))


def _end(secure: ssl.SSLSocket) -> datetime | None:
    found = (secure.getpeercert() or {}).get("notAfter")
    if not isinstance(found, str):
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(found), tz=UTC)


# small: the limit and an interrupt are checked once per chunk, also on a slow line
_CHUNK: Final = 16 * 1024
_CONNECT_SECONDS: Final = 15
_READ_SECONDS: Final = 30
_OK: Final = 200
_SERVER_ERROR: Final = 500
_WORTH_RETRYING: Final = frozenset({408, 425, 429})


class DownloadFailedError(ClawbotError):
    """The server is unreachable, or answered with a transient error."""

    code = "DOWNLOAD_FAILED"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = "check outbound network access and DNS on the instance, and the host in the URL"


class DownloadIncompleteError(ClawbotError):
    """The connection ended before the whole file had arrived."""

    code = "DOWNLOAD_INCOMPLETE"
    cause = FailureCause.EXTERNAL
    retry = BRIEF
    hint = "nothing to do: the agent retries; if it persists, check the outbound network"


class DownloadNotFoundError(ClawbotError):
    """The server has no such file, or denies access to it."""

    code = "DOWNLOAD_NOT_FOUND"
    cause = FailureCause.OPERATOR
    hint = "check the URL in the configuration"


class Sha256MismatchError(ClawbotError):
    """The downloaded file has another SHA-256 than configured; it was discarded."""

    code = "SHA256_MISMATCH"
    cause = FailureCause.OPERATOR
    hint = (
        "compare the sha256 in the configuration with the publisher's (nothing was installed); "
        "if it is right, check the server and proxies, which may have changed the file"
    )


class Download(Protocol):
    """Fetches a file."""

    def __call__(self, url: str, *, target: Path, sha256: str) -> None:
        """Save the file at `url` as `target`, mode 0644, if its SHA-256 is right.

        Raises:
            DownloadFailedError: unreachable, or 408, 425, 429, 5xx.
            DownloadIncompleteError: the connection ended early.
            DownloadNotFoundError: any other status than 200.
            Sha256MismatchError: wrong content.
            FileWriteError: no space.
        """
        ...


@dataclass(frozen=True, slots=True)
class SystemDownload:
    """`Download` on this machine."""

    limit: Limit

    def __call__(self, url: str, *, target: Path, sha256: str) -> None:
        """See `Download`."""
        import requests  # noqa: PLC0415 - 60 ms that 'status' must not pay

        self.limit.check()
        left = self.limit.remaining()
        try:
            with requests.get(
                url,
                stream=True,
                # the hash is that of the file, not of a compressed transfer
                headers={"Accept-Encoding": "identity"},
                timeout=(min(_CONNECT_SECONDS, left), min(_READ_SECONDS, left)),
                verify=str(SYSTEM_CA_BUNDLE),
            ) as response:
                _require_ok(response, url=url)
                self._store(response, url=url, target=target, sha256=sha256)
        except requests.exceptions.ChunkedEncodingError as error:
            msg = f"{url}: the connection ended early"
            raise DownloadIncompleteError(msg) from error
        except requests.exceptions.RequestException as error:
            msg = f"{url}: {type(error).__name__}: {error}"
            raise DownloadFailedError(msg) from error

    def _store(self, response: "requests.Response", *, url: str, target: Path, sha256: str) -> None:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
            temporary = Path(name)
            with os.fdopen(descriptor, "wb") as file:
                digest, size = self._stream(response, file)
            _verify(response, url=url, size=size, digest=digest, sha256=sha256)
            temporary.chmod(0o644)
            temporary.rename(target)
            sync_directory(target.parent)
        except OSError as error:
            # requests' own errors are OSErrors too; only disk errors belong here
            if error.filename is None and error.errno is None:
                raise
            msg = f"{target}: {error.strerror}"
            raise FileWriteError(msg) from error
        finally:
            with contextlib.suppress(OSError, UnboundLocalError):
                temporary.unlink()

    def _stream(self, response: "requests.Response", file: IO[bytes]) -> tuple[str, int]:
        digest = hashlib.sha256()
        size = 0
        for chunk in response.iter_content(_CHUNK):
            self.limit.check()
            digest.update(chunk)
            size += file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
        return digest.hexdigest(), size


def _require_ok(response: "requests.Response", *, url: str) -> None:
    status = response.status_code
    if status == _OK:
        return
    msg = f"{url}: the server answered {status}"
    if status >= _SERVER_ERROR or status in _WORTH_RETRYING:
        raise DownloadFailedError(msg)
    raise DownloadNotFoundError(msg)


def _verify(
    response: "requests.Response", *, url: str, size: int, digest: str, sha256: str
) -> None:
    promised = response.headers.get("Content-Length")
    if promised is not None and int(promised) != size:
        msg = f"{url}: {size} of {promised} bytes arrived"
        raise DownloadIncompleteError(msg)
    if digest != sha256.lower():
        msg = f"{url}: SHA-256 is {digest}, expected {sha256.lower()}"
        raise Sha256MismatchError(msg)
