"""A Docker engine in memory."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.host.docker import DockerCallError, DockerUnavailableError, Json, RunOnce

__all__ = ["FakeDocker"]


@dataclass(slots=True)
class FakeDocker:
    """`Docker` in memory; documents have the engine's shape, as far as put there.

    Attributes:
        up: whether the engine answers.
        containers, images, networks: what inspect shows, by name or reference.
        engine: what info shows.
        outputs: output of a container, by name.
        once: how the next containers that run to their end do end.
        progress: messages of the next builds and pulls.
        refusals: an error for each method name that has to fail.
        on_start: called with the name after a container started.
        calls: (method, first argument) of every call that changes something.
        build_cache: bytes that earlier builds left.
        archives: images in files, by path.
        archive_tag: name of an image that is loaded from a file.
        configs: what each container was created from, by name ("" for run_once).
    """

    up: bool = True
    containers: dict[str, Json] = field(default_factory=dict)
    images: dict[str, Json] = field(default_factory=dict)
    networks: dict[str, Json] = field(default_factory=dict)
    engine: Json = field(default_factory=lambda: {"ServerVersion": "29.0.0"})
    outputs: dict[str, str] = field(default_factory=dict)
    once: list[RunOnce | ClawbotError] = field(default_factory=list)
    progress: list[Json] = field(default_factory=list)
    refusals: dict[str, ClawbotError] = field(default_factory=dict)
    on_start: Callable[[str], None] = lambda _name: None
    calls: list[tuple[str, str]] = field(default_factory=list)
    configs: dict[str, Json] = field(default_factory=dict)
    archives: dict[Path, Json] = field(default_factory=dict)
    build_cache: int = 0
    archive_tag: str = "clawbot/openclaw:2026.9.6"
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def info(self) -> dict[str, Any] | None:
        """See `Docker`."""
        return dict(self.engine) if self.up else None

    def container(self, name: str) -> dict[str, Any] | None:
        """See `Docker`."""
        self._answering()
        return self.containers.get(name)

    def image(self, reference: str) -> dict[str, Any] | None:
        """See `Docker`."""
        self._answering()
        return self.images.get(reference)

    def list_images(self, *, label: str) -> tuple[dict[str, Any], ...]:
        """See `Docker`."""
        self._answering()
        return tuple(
            {**found, "RepoTags": [name], "Labels": labels}
            for name, found in self.images.items()
            if label in (labels := found.get("Config", {}).get("Labels") or {})
        )

    def dangling_images(self) -> tuple[dict[str, Any], ...]:
        """See `Docker`; those under a name that begins with "<none>"."""
        self._answering()
        return tuple(
            {**found, "RepoTags": ["<none>:<none>"]}
            for name, found in self.images.items()
            if name.startswith("<none>")
        )

    def build_cache_bytes(self) -> int:
        """See `Docker`."""
        self._answering()
        return self.build_cache

    def prune_build_cache(self) -> None:
        """See `Docker`."""
        self._call("prune_build_cache", "")
        self.build_cache = 0

    def images_in_use(self) -> frozenset[str]:
        """See `Docker`."""
        self._answering()
        return frozenset(str(found["Image"]) for found in self.containers.values())

    def remove_image(self, reference: str) -> None:
        """See `Docker`."""
        self._call("remove_image", reference)
        for name, found in tuple(self.images.items()):
            if reference in {name, found["Id"]}:
                del self.images[name]

    def network(self, name: str) -> dict[str, Any] | None:
        """See `Docker`."""
        self._answering()
        return self.networks.get(name)

    def build(self, context: Path, *, tag: str, labels: Mapping[str, str]) -> Iterator[Json]:
        """See `Docker`; a message with "error" means that no image comes of it."""
        del context
        self._call("build", tag)
        yield from self.progress
        if not any("error" in message for message in self.progress):
            self.images[tag] = {"Id": self._id(), "Config": {"Labels": dict(labels)}}

    def pull(self, reference: str) -> Iterator[Json]:
        """See `Docker`; a message with "error" means that no image comes of it."""
        self._call("pull", reference)
        yield from self.progress
        if not any("error" in message for message in self.progress):
            self.images[reference] = {"Id": self._id(), "Config": {"Labels": {}}}

    def import_image(self, archive: Path, *, tag: str) -> None:
        """See `Docker`."""
        del archive
        self._call("import_image", tag)
        self.images[tag] = {"Id": self._id(), "Config": {"Labels": {}}}

    def save_image(self, reference: str, *, target: Path) -> None:
        """See `Docker`; the file is noted, not written."""
        self._call("save_image", reference)
        self.archives[target] = self._known(self.images, reference)

    def load_image(self, source: Path) -> None:
        """See `Docker`; gives the image of that file the name in `archive_tag`."""
        self._call("load_image", str(source))
        self.images[self.archive_tag] = self.archives[source]

    def create(self, name: str, config: Mapping[str, Any]) -> str:
        """See `Docker`."""
        self._call("create", name)
        if name in self.containers:
            msg = f'docker create {name}: Conflict. The container name "/{name}" is already in use'
            raise DockerCallError(msg)
        image = self._known(self.images, str(config["Image"]))
        given = dict(config)
        self.configs[name] = dict(config)
        made = self._id()
        self.containers[name] = {
            "Id": made,
            "Name": f"/{name}",
            "Image": image["Id"],
            "HostConfig": given.pop("HostConfig", {}),
            "NetworkSettings": given.pop("NetworkingConfig", {}),
            "Config": given,
            "State": {"Status": "created", "Running": False, "ExitCode": 0},
        }
        return made

    def start(self, name: str) -> None:
        """See `Docker`."""
        self._call("start", name)
        state = self._known(self.containers, name)["State"]
        state.update(Status="running", Running=True)
        self.on_start(name)

    def stop(self, name: str, *, timeout: int) -> None:
        """See `Docker`."""
        del timeout
        self._call("stop", name)
        self._known(self.containers, name)["State"].update(Status="exited", Running=False)

    def rename(self, name: str, *, to: str) -> None:
        """See `Docker`."""
        self._call("rename", name)
        document = self._known(self.containers, name)
        if to in self.containers:
            msg = f'docker rename {name} {to}: Conflict. The name "/{to}" is already in use'
            raise DockerCallError(msg)
        del self.containers[name]
        self.containers[to] = {**document, "Name": f"/{to}"}

    def remove(self, name: str) -> None:
        """See `Docker`."""
        self._call("remove", name)
        self.containers.pop(name, None)

    def logs(self, name: str, *, tail: int, since: datetime | None = None) -> str:
        """See `Docker`; lines that begin with a time are left out when they are older."""
        self._answering()
        lines = self.outputs.get(name, "").splitlines(keepends=True)
        if since is not None:
            lines = [line for line in lines if not line[:1].isdigit() or line >= since.isoformat()]
        return "".join(lines[-tail:])

    def run_once(self, config: Mapping[str, Any], *, timeout: float) -> RunOnce:
        """See `Docker`."""
        del timeout
        self._call("run_once", str(config.get("Image", "")))
        self.configs[""] = dict(config)
        assert self.once, "no result scripted for a container that runs to its end"
        ended = self.once.pop(0)
        if isinstance(ended, ClawbotError):
            raise ended
        return ended

    def _id(self) -> str:
        return f"sha256:{next(self._ids):064x}"

    def _answering(self) -> None:
        if not self.up:
            msg = "docker: the engine does not answer"
            raise DockerUnavailableError(msg)

    def _call(self, method: str, argument: str) -> None:
        self._answering()
        self.calls.append((method, argument))
        if error := self.refusals.get(method):
            raise error

    def _known(self, things: Mapping[str, Json], name: str) -> Json:
        if name not in things:
            msg = f"docker: no such object: {name}"
            raise DockerCallError(msg)
        return things[name]
