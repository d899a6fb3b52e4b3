"""The connection to the Docker engine, and its errors in our terms."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause
from clawbot_agent.host.limit import Limit

if TYPE_CHECKING:
    from docker import APIClient

__all__ = [
    "DockerCallError",
    "DockerConnection",
    "DockerUnavailableError",
    "interruptible",
    "timed_out",
    "translated",
]

_POLL_SECONDS: Final = 0.25


class DockerUnavailableError(ClawbotError):
    """The Docker engine does not answer on its socket."""

    code = "DOCKER_UNAVAILABLE"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = "see 'systemctl status docker' and 'journalctl -u docker'"


class DockerCallError(ClawbotError):
    """The Docker engine refused a call."""

    code = "DOCKER_CALL_FAILED"
    cause = FailureCause.INSTANCE
    hint = "the message is the engine's own; 'journalctl -u docker' may have more"


class DockerConnection:
    """Opens the client at the first call; a failed opening is tried again at the next.

    Not shared between threads: the time that a call may take is a property of the client.
    """

    def __init__(self, socket: Path) -> None:
        """Talk to `socket`, but not yet."""
        self._socket = socket
        self._api: APIClient | None = None

    def get(self, *, seconds: float) -> "APIClient":
        """The client, connected; the engine may be silent for `seconds` before it is given up."""
        if self._api is None:
            from docker import APIClient  # noqa: PLC0415 - 80 ms that 'status' must not pay

            # the constructor asks for the engine's version; the stubs know whole seconds only
            timeout = max(1, round(seconds))
            self._api = APIClient(
                base_url=f"unix://{self._socket}", version="auto", timeout=timeout
            )
        self._api.timeout = max(1, round(seconds))
        return self._api

    def close(self) -> None:
        """Close its connections; the next call opens new ones."""
        if self._api is not None:
            self._api.close()
            self._api = None


def interruptible(
    work: Callable[[], Iterator[dict[str, Any]]], *, limit: Limit
) -> Iterator[dict[str, Any]]:
    """What `work()` yields, read by a thread of its own.

    A build can be silent for minutes; neither the limit nor an interrupt waits for that.
    Who stops reading leaves the thread behind: it ends with the agent, and with it the
    connection, upon which the engine gives the build up.

    Raises:
        ClawbotError: as `Limit.check`.
    """
    messages: queue.SimpleQueue[dict[str, Any] | Exception | None] = queue.SimpleQueue()

    def pump() -> None:
        try:
            for message in work():
                messages.put(message)
        except Exception as error:  # noqa: BLE001 - raised again where it can be handled
            messages.put(error)
        else:
            messages.put(None)

    threading.Thread(target=pump, name="docker-stream", daemon=True).start()
    while True:
        limit.check()
        try:
            message = messages.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            continue
        if message is None:
            return
        if isinstance(message, Exception):
            # silence to the end of the limit is the limit's affair, not the engine's
            limit.check()
            raise message
        yield message


def timed_out(error: Exception) -> bool:
    """Whether `requests` gave up waiting; it has two ways to say so."""
    return "read timed out" in str(error).lower()


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise what the SDK raises as our errors; `what` was being done."""
    import requests  # noqa: PLC0415 - see DockerConnection
    import urllib3  # noqa: PLC0415 - see DockerConnection
    from docker.errors import APIError, DockerException  # noqa: PLC0415 - see DockerConnection

    # a stream is read past requests, so that urllib3's own errors come through
    silent = (
        DockerException,
        requests.exceptions.RequestException,
        urllib3.exceptions.HTTPError,
    )

    try:
        yield
    except APIError as error:
        msg = f"{what}: {error.explanation or error}"
        raise DockerCallError(msg) from error
    except silent as error:
        msg = f"{what}: the engine does not answer: {error}"
        raise DockerUnavailableError(msg) from error
