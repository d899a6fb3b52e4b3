"""Requests and replies as the services see them, independent of sockets."""

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
        body: the request's body.
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
        """Return the query's parameters, decoded."""
        return parse_qs(self.query, keep_blank_values=True)

    def parameter(self, name: str) -> str | None:
        """Return the first value of a query parameter, or None."""
        return self.parameters.get(name, [None])[0]

    def bearer(self) -> str | None:
        """Return the bearer token, or None if there is none."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" and token else None


@dataclass(frozen=True, slots=True)
class FilePart:
    """A body that is part of a file.

    Args:
        path: the file.
        start: offset of the first byte.
        length: in bytes.
        flip: absolute offset of one byte that is sent inverted.
    """

    path: Path
    start: int
    length: int
    flip: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer.

    Args:
        status: 0 drops the connection without an answer.
        headers: in order; Content-Length is derived from the body.
        body: bytes, or part of a file.
        stop_after: drop the connection after this many bytes of the body.
        rate: in bytes per second; None is unlimited.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | FilePart = b""
    stop_after: int | None = None
    rate: int | None = None


DROP: Final = Reply(0)


class Service(Protocol):
    """One of the services: answers requests and is adjusted through control."""

    @property
    def knobs(self) -> Knobs:
        """The service's faults; a reset restores the defaults."""

    def answer(self, request: Request) -> Reply:
        """Answer one request."""

    def change(self, state: Mapping[str, object]) -> None:
        """Apply a state change from control; raises KnobError."""

    def snapshot(self) -> dict[str, object]:
        """Return the state for control, without values of secrets."""


def json_reply(status: int, content: object, *headers: tuple[str, str]) -> Reply:
    """Return a reply with a JSON body."""
    body = json.dumps(content).encode()
    return Reply(status, (("Content-Type", JSON_TYPE), *headers), body)


def text_reply(status: int, content: str, *headers: tuple[str, str]) -> Reply:
    """Return a reply with a plain text body."""
    typed = ("Content-Type", "text/plain; charset=utf-8")
    return Reply(status, (typed, *headers), content.encode())
