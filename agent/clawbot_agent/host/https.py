"""One small HTTPS request to a service of this machine, under the name by which clients know it."""

import contextlib
import json
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from typing import Final, Protocol

from clawbot_agent.host.http import Answer

__all__ = ["AskHttps", "CertifiedAnswer", "ask_https"]

_LARGEST: Final = 64 * 1024
# RFC 8446, 6.2: what servers answer that have no certificate for the name
_NO_CERTIFICATE: Final = frozenset(
    {"TLSV1_ALERT_INTERNAL_ERROR", "TLSV1_UNRECOGNIZED_NAME", "SSLV3_ALERT_HANDSHAKE_FAILURE"}
)


@dataclass(frozen=True, slots=True)
class CertifiedAnswer:
    """An answer, and until when its certificate is good (None without a trusted one).

    `refused` says that somebody answered, whose certificate is missing or not trusted.
    """

    answer: Answer
    certificate_end: datetime | None = None
    refused: bool = False


class AskHttps(Protocol):
    """Fetches a JSON object over HTTPS from this machine."""

    def __call__(self, domain: str, path: str, *, timeout: float) -> CertifiedAnswer:
        """GET https://DOMAIN/PATH from this machine itself; never raises for what it does."""
        ...


def ask_https(
    domain: str,
    path: str,
    *,
    timeout: float,
    address: tuple[str, int] = ("127.0.0.1", 443),
    trust: ssl.SSLContext | None = None,
) -> CertifiedAnswer:
    """See `AskHttps`; the certificate has to be one that clients accept (`trust`)."""
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
        # Caddy has no certificate yet and says so by an alert
        problem = f"certificate: {error.reason or error}"
        return CertifiedAnswer(Answer(0, {}, problem), refused=error.reason in _NO_CERTIFICATE)
    except (OSError, HTTPException) as error:
        return CertifiedAnswer(Answer(0, {}, f"{type(error).__name__}: {error}"))


def _answer(secure: ssl.SSLSocket, domain: str, path: str) -> Answer:
    connection = HTTPConnection(domain)
    connection.sock = secure
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read(_LARGEST)
    with contextlib.suppress(ValueError):
        parsed = json.loads(body)
        if isinstance(parsed, dict):
            return Answer(response.status, parsed)
    return Answer(response.status, {}, "the answer is not a JSON object")


def _end(secure: ssl.SSLSocket) -> datetime | None:
    found = (secure.getpeercert() or {}).get("notAfter")
    if not isinstance(found, str):
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(found), tz=UTC)
