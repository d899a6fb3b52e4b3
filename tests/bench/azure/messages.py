"""What the services see of a request and what they answer, independent of any socket."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import parse_qs

from tests.bench.azure.knobs import Knobs

JSON_TYPE: Final = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Args:
        method: upper case.
        host: the Host header without a port, lower case.
        path: percent-encoded as sent, without the query.
        query: the query string as sent.
        headers: names in lower case.
        client: the peer's IP address.
        body: what was sent.
    """

    method: str
    path: str
    host: str = ""
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    client: str = "127.0.0.1"
    body: bytes = b""

    @property
    def parameters(self) -> dict[str, list[str]]:
        """The query's parameters, decoded."""
        return parse_qs(self.query, keep_blank_values=True)

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter, or None."""
        return self.parameters.get(name, [None])[0]

    def bearer(self) -> str | None:
        """The bearer token, or None when the request has none."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" and token else None


@dataclass(frozen=True, slots=True)
class FilePart:
    """A body that is part of a file.

    Args:
        path: the file.
        start: offset of the first byte.
        length: how many bytes.
        flip: absolute offset of one byte to be sent inverted.
    """

    path: Path
    start: int
    length: int
    flip: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer.

    Args:
        status: 0 means: drop the connection and say nothing.
        headers: in order; Content-Length is added from the body.
        body: what follows.
        stop_after: drop the connection after this many bytes of the body.
        pace: bytes per second; None is as fast as it goes.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | FilePart = b""
    stop_after: int | None = None
    pace: int | None = None


DROP: Final = Reply(0)


class Service(Protocol):
    """One of the services: answers requests, and is adjusted through control."""

    @property
    def knobs(self) -> Knobs:
        """The service's faults; a reset puts them back."""

    def answer(self, request: Request) -> Reply:
        """Answer one request."""

    def change(self, state: Mapping[str, object]) -> None:
        """Take a state change from control; raises KnobError."""

    def snapshot(self) -> dict[str, object]:
        """The state as control shows it: never a secret's value."""


def json_reply(status: int, content: object, *headers: tuple[str, str]) -> Reply:
    """A reply with a JSON body."""
    body = json.dumps(content).encode()
    return Reply(status, (("Content-Type", JSON_TYPE), *headers), body)


def text_reply(status: int, content: str, *headers: tuple[str, str]) -> Reply:
    """A reply with a plain text body."""
    typed = ("Content-Type", "text/plain; charset=utf-8")
    return Reply(status, (typed, *headers), content.encode())
