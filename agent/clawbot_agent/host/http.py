"""One small GET of a local service, judged by what it says and not by its status alone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from clawbot_agent.host.limit import Limit

__all__ = ["Answer", "GetJson", "SystemGetJson"]

_LARGEST: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a local service said.

    Attributes:
        status: HTTP status; 0 when it did not answer.
        body: the parsed JSON object; empty when the body is none.
        problem: why there is no answer, for people.
    """

    status: int
    body: dict[str, Any]
    problem: str = ""


class GetJson(Protocol):
    """Fetches a JSON object."""

    def __call__(
        self, url: str, *, timeout: float = 5, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """GET `url` (plain http, this machine); never raises for what the service does."""
        ...


@dataclass(frozen=True, slots=True)
class SystemGetJson:
    """`GetJson` on this machine."""

    limit: Limit

    def __call__(
        self, url: str, *, timeout: float = 5, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """See `GetJson`."""
        self.limit.check()
        parts = urlsplit(url)
        timeout = min(timeout, self.limit.remaining())
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
        try:
            connection.request("GET", target, headers=dict(headers or {}))
            response = connection.getresponse()
            body = response.read(_LARGEST)
        except (OSError, HTTPException) as error:
            return Answer(0, {}, f"{type(error).__name__}: {error}")
        finally:
            connection.close()
        try:
            parsed = json.loads(body)
        except ValueError:
            return Answer(response.status, {}, "the answer is not JSON")
        if not isinstance(parsed, dict):
            return Answer(response.status, {}, "the answer is not a JSON object")
        return Answer(response.status, parsed)
