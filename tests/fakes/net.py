"""Downloads and local services without a network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.host.http import Answer, DownloadNotFoundError, Sha256MismatchError
from clawbot_agent.host.network import Reached
from tests.fakes.files import FakeFiles

__all__ = ["FakeDownload", "FakeGetJson", "FakePostJson", "FakeReach"]


@dataclass(slots=True)
class FakeDownload:
    """`Download` of what a test published.

    Attributes:
        files: where downloads arrive.
        published: (sha256, text) or the error to raise, by URL.
        calls: URLs asked for, in order.
    """

    files: FakeFiles
    published: dict[str, tuple[str, str] | ClawbotError] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def __call__(self, url: str, *, target: Path, sha256: str) -> None:
        """See `Download`."""
        self.calls.append(url)
        found = self.published.get(url)
        if found is None:
            msg = f"{url}: the server answered 404"
            raise DownloadNotFoundError(msg)
        if isinstance(found, ClawbotError):
            raise found
        digest, text = found
        if digest != sha256.lower():
            msg = f"{url}: SHA-256 is {digest}, expected {sha256.lower()}"
            raise Sha256MismatchError(msg)
        self.files.write(target, text, mode=0o644)


@dataclass(slots=True)
class FakeGetJson:
    """`GetJson` with answers by URL.

    Attributes:
        answers: in turn, the last stays; an unknown URL refuses the connection.
        calls: URLs asked for, in order.
    """

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def __call__(
        self, url: str, *, timeout: float = 5, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """See `GetJson`."""
        del timeout, headers
        self.calls.append(url)
        answers = self.answers.get(url)
        if not answers:
            return Answer(0, {}, "ConnectionRefusedError: [Errno 111] Connection refused")
        return answers.pop(0) if len(answers) > 1 else answers[0]


@dataclass(slots=True)
class FakePostJson:
    """`PostJson` with answers by URL.

    Attributes:
        answers: in turn, the last stays; an unknown URL refuses the connection.
        sent: (URL, body) of every request, in order.
    """

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    sent: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def __call__(
        self,
        url: str,
        body: Mapping[str, Any],
        *,
        timeout: float = 5,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """See `PostJson`."""
        del timeout, headers
        self.sent.append((url, body))
        answers = self.answers.get(url)
        if not answers:
            return Answer(0, {}, "ConnectionRefusedError: [Errno 111] Connection refused")
        return answers.pop(0) if len(answers) > 1 else answers[0]


@dataclass(slots=True)
class FakeReach:
    """`Reach` with one answer for each name.

    Attributes:
        found: by name; others are open.
        calls: (name, port) asked for, in order.
    """

    found: dict[str, Reached] = field(default_factory=dict)
    calls: list[tuple[str, int]] = field(default_factory=list)

    def __call__(self, name: str, port: int, *, timeout: float = 4) -> Reached:
        """See `Reach`."""
        del timeout
        self.calls.append((name, port))
        return self.found.get(name, Reached.OPEN)
