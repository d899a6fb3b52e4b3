"""One small request to a local service, judged by what it says and not by its status alone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from clawbot_agent.host.limit import Limit

__all__ = ["Answer", "GetJson", "PostJson", "SystemGetJson", "SystemPostJson"]

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
        """POST to `url` (plain http, this machine); never raises for what the service does."""
        ...


@dataclass(frozen=True, slots=True)
class SystemGetJson:
    """`GetJson` on this machine."""

    limit: Limit

    def __call__(
        self, url: str, *, timeout: float = 5, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """See `GetJson`."""
        return _asked(self.limit, "GET", url, timeout=timeout, headers=headers or {})


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
        return _asked(self.limit, "POST", url, timeout=timeout, headers=typed, body=text)


def _asked(  # noqa: PLR0913 - what a request consists of
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
    # no proxy: none can reach what is on this machine or its link
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request(method, target, body, headers=dict(headers))
        response = connection.getresponse()
        said = response.read(_LARGEST)
    except (OSError, HTTPException) as error:
        return Answer(0, {}, f"{type(error).__name__}: {error}")
    finally:
        connection.close()
    try:
        parsed = json.loads(said)
    except ValueError:
        return Answer(response.status, {}, "the answer is not JSON")
    if not isinstance(parsed, dict):
        return Answer(response.status, {}, "the answer is not a JSON object")
    return Answer(response.status, parsed)
