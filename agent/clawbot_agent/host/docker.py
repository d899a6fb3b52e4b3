"""What stages may ask of a Docker engine, and its errors."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause

__all__ = ["Docker", "DockerCallError", "DockerUnavailableError", "Json", "RunOnce"]

Json = dict[str, Any]


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
    hint = "see the engine's error in the message, and 'journalctl -u docker'"


@dataclass(frozen=True, slots=True)
class RunOnce:
    """The exit status of a container, and its output (stdout and stderr)."""

    status: int
    output: str


class Docker(Protocol):
    """The Docker engine. Names that do not exist return None.

    Every method raises `DockerUnavailableError` when the engine does not answer and
    `DockerCallError` when it refuses the call.
    """

    def info(self) -> dict[str, Any] | None:
        """`docker info`; None when the engine does not answer."""
        ...

    def container(self, name: str) -> dict[str, Any] | None:
        """`docker inspect` of a container."""
        ...

    def image(self, reference: str) -> dict[str, Any] | None:
        """`docker inspect` of an image."""
        ...

    def list_images(self, *, label: str) -> tuple[dict[str, Any], ...]:
        """`docker images`: all with this label, tagged or not."""
        ...

    def dangling_images(self) -> tuple[dict[str, Any], ...]:
        """`docker images`: those without a tag that no other image is based on."""
        ...

    def build_cache_bytes(self) -> int:
        """Return the size of the build cache; takes the engine seconds."""
        ...

    def prune_build_cache(self) -> None:
        """Empty the build cache, except for what a running build uses."""
        ...

    def images_in_use(self) -> frozenset[str]:
        """Return the image ids of all containers, running or not."""
        ...

    def remove_image(self, reference: str) -> None:
        """Remove an image, or one of its tags; nothing when absent."""
        ...

    def network(self, name: str) -> dict[str, Any] | None:
        """`docker inspect` of a network."""
        ...

    def build(self, context: Path, *, tag: str, labels: Mapping[str, str]) -> Iterator[Json]:
        """Build the Dockerfile in `context`; yields the engine's progress messages."""
        ...

    def pull(self, reference: str) -> Iterator[Json]:
        """Pull an image; yields the engine's progress messages."""
        ...

    def import_image(self, archive: Path, *, tag: str) -> None:
        """Make a one-layer image from a tar archive of a root file system."""
        ...

    def save_image(self, reference: str, *, target: Path) -> None:
        """Write an image to a zstd-compressed file that appears only when it is complete."""
        ...

    def load_image(self, source: Path) -> None:
        """Load the images of such a file.

        Raises:
            DockerCallError: the file is damaged, or the engine refuses its content.
        """
        ...

    def create(self, name: str, config: Mapping[str, Any]) -> str:
        """Create a container from a /containers/create document; return its id."""
        ...

    def start(self, name: str) -> None:
        """Start a container; nothing when it runs."""
        ...

    def stop(self, name: str, *, timeout: int) -> None:
        """Stop a container, with SIGKILL after `timeout` seconds; nothing when stopped."""
        ...

    def rename(self, name: str, *, to: str) -> None:
        """Rename a container."""
        ...

    def remove(self, name: str) -> None:
        """Remove a container, running or not; nothing when absent."""
        ...

    def logs(self, name: str, *, tail: int, since: datetime | None = None) -> str:
        """Return the last lines of a container's output, written after `since`."""
        ...

    def run_once(self, config: Mapping[str, Any], *, timeout: float) -> RunOnce:
        """Create, run to the end and remove a container.

        Raises:
            DockerCallError: it could not be started, or ran longer than `timeout` seconds.
        """
        ...
