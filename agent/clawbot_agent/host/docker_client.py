"""The connection to the Docker engine, and its errors in our terms."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clawbot_agent.errors import BRIEF, ClawbotError

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["DockerCallError", "DockerConnection", "DockerUnavailableError", "translated"]

_CALL_SECONDS: Final = 120


class DockerUnavailableError(ClawbotError):
    """The Docker engine does not answer on its socket."""

    code = "DOCKER_UNAVAILABLE"
    retry = BRIEF
    hint = "see 'systemctl status docker' and 'journalctl -u docker'"


class DockerCallError(ClawbotError):
    """The Docker engine refused a call."""

    code = "DOCKER_CALL_FAILED"
    hint = "the message is the engine's own; 'journalctl -u docker' may have more"


class DockerConnection:
    """Opens the client at the first call; a failed opening is tried again at the next."""

    def __init__(self, socket: Path) -> None:
        """Talk to `socket`, but not yet."""
        self._socket = socket
        self._api: APIClient | None = None

    def get(self) -> "APIClient":
        """The client, connected."""
        if self._api is None:
            from docker import APIClient  # noqa: PLC0415 - 80 ms that 'status' must not pay

            self._api = APIClient(
                base_url=f"unix://{self._socket}", version="auto", timeout=_CALL_SECONDS
            )
        return self._api


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise what the SDK raises as our errors; `what` was being done."""
    import requests  # noqa: PLC0415 - see DockerConnection
    from docker.errors import APIError, DockerException  # noqa: PLC0415 - see DockerConnection

    try:
        yield
    except APIError as error:
        msg = f"{what}: {error.explanation or error}"
        raise DockerCallError(msg) from error
    except (DockerException, requests.exceptions.RequestException) as error:
        msg = f"{what}: the engine does not answer: {error}"
        raise DockerUnavailableError(msg) from error
