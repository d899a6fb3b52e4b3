"""What stages may ask of a Docker engine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Docker", "Json", "RunOnce"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunOnce:
    """How a container that was run to its end ended; `output` is stdout and stderr."""

    status: int
    output: str


class Docker(Protocol):
    """The Docker engine. Names that do not exist answer None.

    Every method raises `DockerUnavailableError` when the engine does not answer and
    `DockerCallError` when it refuses.
    """

    def info(self) -> dict[str, Any] | None:
        """`docker info`; None when the engine is not there."""
        ...

    def container(self, name: str) -> dict[str, Any] | None:
        """`docker inspect` of a container."""
        ...

    def image(self, reference: str) -> dict[str, Any] | None:
        """`docker inspect` of an image."""
        ...

    def list_images(self, *, label: str) -> tuple[dict[str, Any], ...]:
        """`docker images`: those with this label, also the ones without a tag."""
        ...

    def dangling_images(self) -> tuple[dict[str, Any], ...]:
        """`docker images`: those without a name that no other image is built on."""
        ...

    def build_cache_bytes(self) -> int:
        """Size of what earlier builds left for later ones; takes the engine seconds to tell."""
        ...

    def prune_build_cache(self) -> None:
        """Empty the build cache, but for what a build under way uses."""
        ...

    def images_in_use(self) -> frozenset[str]:
        """Ids of the images of all containers, running or not."""
        ...

    def remove_image(self, reference: str) -> None:
        """Remove an image, or one of its names; nothing when there is none."""
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
        """Write an image to a zstd-compressed file that appears only when it is whole."""
        ...

    def load_image(self, source: Path) -> None:
        """Read the images of such a file.

        Raises:
            DockerCallError: the file is damaged, or the engine refuses its content.
        """
        ...

    def create(self, name: str, config: Mapping[str, Any]) -> str:
        """Create a container from an engine document (as of /containers/create); its id."""
        ...

    def start(self, name: str) -> None:
        """Start it; nothing when it runs."""
        ...

    def stop(self, name: str, *, timeout: int) -> None:
        """Stop it, killing it after `timeout` seconds; nothing when it is stopped."""
        ...

    def rename(self, name: str, *, to: str) -> None:
        """Give it another name."""
        ...

    def remove(self, name: str) -> None:
        """Remove it, running or not; nothing when there is none."""
        ...

    def logs(self, name: str, *, tail: int, since: datetime | None = None) -> str:
        """The last lines of its output; with `since` only of what it wrote from then on."""
        ...

    def run_once(self, config: Mapping[str, Any], *, timeout: float) -> RunOnce:
        """Create, run to the end and remove a container.

        Raises:
            DockerCallError: it could not be started, or took over `timeout` seconds.
        """
        ...
