"""The Docker engine through its SDK's low-level client: plain JSON in, plain JSON out.

The low-level client is used because its documents are the engine's own: what a stage
asks for and what `inspect` says can be compared field by field.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from clawbot_agent.host import docker_archive
from clawbot_agent.host.docker_client import (
    DockerCallError,
    DockerConnection,
    DockerUnavailableError,
    interruptible,
    timed_out,
    translated,
)
from clawbot_agent.host.docker_port import Docker, Json, RunOnce
from clawbot_agent.host.guarded_files import GuardedFiles
from clawbot_agent.host.limit import Limit

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["Docker", "DockerCallError", "DockerUnavailableError", "RunOnce", "SystemDocker"]

# how long the engine may be silent: while it works, while it unpacks an image, and when it
# only has to say what is
_CALL_SECONDS: Final = 120.0
# the engine copies the whole image before the first byte of a save and after the last of a load
_IMAGE_SECONDS: Final = 600.0
_READ_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class SystemDocker:
    """`Docker` on this machine's socket."""

    limit: Limit
    files: GuardedFiles = field(repr=False)
    connection: DockerConnection = field(repr=False)

    @classmethod
    def at(cls, socket: Path, *, files: GuardedFiles) -> "SystemDocker":
        """A client that connects when first used, under the limit of `files`."""
        return cls(limit=files.limit, files=files, connection=DockerConnection(socket))

    @contextmanager
    def _call(self, what: str, *, seconds: float = _CALL_SECONDS) -> Iterator["APIClient"]:
        self.limit.check()
        with translated(what):
            yield self.connection.get(seconds=min(seconds, self.limit.remaining()))

    def info(self) -> dict[str, Any] | None:
        """See `Docker`."""
        try:
            with self._call("docker info", seconds=_READ_SECONDS) as api:
                return dict(api.info())
        except DockerUnavailableError:
            return None

    def _inspect(self, what: str, fetch: str, name: str) -> dict[str, Any] | None:
        from docker.errors import NotFound  # noqa: PLC0415 - see DockerConnection

        with self._call(f"docker inspect {what} {name}", seconds=_READ_SECONDS) as api:
            try:
                return dict(getattr(api, fetch)(name))
            except NotFound:
                return None

    def container(self, name: str) -> dict[str, Any] | None:
        """See `Docker`."""
        return self._inspect("container", "inspect_container", name)

    def image(self, reference: str) -> dict[str, Any] | None:
        """See `Docker`."""
        return self._inspect("image", "inspect_image", reference)

    def list_images(self, *, label: str) -> tuple[dict[str, Any], ...]:
        """See `Docker`."""
        with self._call("docker images") as api:
            return tuple(dict(found) for found in api.images(filters={"label": label}))

    def dangling_images(self) -> tuple[dict[str, Any], ...]:
        """See `Docker`."""
        with self._call("docker images") as api:
            return tuple(dict(found) for found in api.images(filters={"dangling": True}))

    def build_cache_bytes(self) -> int:
        """See `Docker`."""
        with self._call("docker system df") as api:
            cached = api.df().get("BuildCache") or ()
            return sum(int(one.get("Size") or 0) for one in cached if not one.get("InUse"))

    def prune_build_cache(self) -> None:
        """See `Docker`."""
        with self._call("docker builder prune") as api:
            api.prune_builds(all=True)

    def images_in_use(self) -> frozenset[str]:
        """See `Docker`."""
        with self._call("docker ps") as api:
            return frozenset(str(found["ImageID"]) for found in api.containers(all=True))

    def remove_image(self, reference: str) -> None:
        """See `Docker`."""
        from docker.errors import NotFound  # noqa: PLC0415 - see DockerConnection

        with self._call(f"docker rmi {reference}") as api:
            try:
                api.remove_image(reference)
            except NotFound:
                return

    def network(self, name: str) -> dict[str, Any] | None:
        """See `Docker`."""
        return self._inspect("network", "inspect_network", name)

    def build(self, context: Path, *, tag: str, labels: Mapping[str, str]) -> Iterator[Json]:
        """See `Docker`."""
        with self._call(f"docker build {tag}") as api:

            def build() -> Iterator[Json]:
                yield from api.build(
                    path=str(context),
                    tag=tag,
                    labels=dict(labels),
                    rm=True,
                    forcerm=True,
                    decode=True,
                    # the limit ends it before
                    timeout=int(self.limit.remaining()) + 5,
                )

            yield from interruptible(build, limit=self.limit)

    def pull(self, reference: str) -> Iterator[Json]:
        """See `Docker`."""
        with self._call(f"docker pull {reference}") as api:
            yield from interruptible(
                lambda: api.pull(reference, stream=True, decode=True), limit=self.limit
            )

    def import_image(self, archive: Path, *, tag: str) -> None:
        """See `Docker`."""
        repository, _, name = tag.rpartition(":")
        with self._call(f"docker import {tag}") as api:
            api.import_image_from_file(str(archive), repository=repository, tag=name)

    def save_image(self, reference: str, *, target: Path) -> None:
        """See `Docker`."""
        with self._call(f"docker save {reference}", seconds=_IMAGE_SECONDS) as api:
            docker_archive.save(api, reference, target=target, files=self.files)

    def load_image(self, source: Path) -> None:
        """See `Docker`."""
        from zstandard import ZstdError  # noqa: PLC0415 - see DockerConnection

        with self._call(f"docker load {source}", seconds=_IMAGE_SECONDS) as api:
            try:
                for message in docker_archive.load(api, source=source, files=self.files):
                    if "error" in message:
                        msg = f"docker load {source}: {message['error']}"
                        raise DockerCallError(msg)
            except ZstdError as error:
                msg = f"docker load {source}: the file is damaged: {error}"
                raise DockerCallError(msg) from error

    def create(self, name: str, config: Mapping[str, Any]) -> str:
        """See `Docker`."""
        with self._call(f"docker create {name}") as api:
            return _created(api, config, name=name)

    def start(self, name: str) -> None:
        """See `Docker`."""
        with self._call(f"docker start {name}") as api:
            api.start(name)

    def stop(self, name: str, *, timeout: int) -> None:
        """See `Docker`."""
        with self._call(f"docker stop {name}") as api:
            api.stop(name, timeout=timeout)

    def rename(self, name: str, *, to: str) -> None:
        """See `Docker`."""
        with self._call(f"docker rename {name} {to}") as api:
            api.rename(name, to)

    def remove(self, name: str) -> None:
        """See `Docker`."""
        from docker.errors import NotFound  # noqa: PLC0415 - see DockerConnection

        with self._call(f"docker rm {name}") as api:
            try:
                api.remove_container(name, force=True, v=True)
            except NotFound:
                return

    def logs(self, name: str, *, tail: int, since: datetime | None = None) -> str:
        """See `Docker`."""
        # not as a datetime: the library would drop what is after the second. The engine's "never"
        # lies before the epoch
        start = None if since is None else max(0.0, since.timestamp()) or None
        with self._call(f"docker logs {name}") as api:
            return bytes(api.logs(name, tail=tail, since=start)).decode(errors="replace")

    def run_once(self, config: Mapping[str, Any], *, timeout: float) -> RunOnce:
        """See `Docker`."""
        import requests  # noqa: PLC0415 - see DockerConnection

        with self._call("docker run") as api:
            made = _created(api, config, name=None)
            try:
                api.start(made)
                seconds = max(1, int(min(timeout, self.limit.remaining())))
                ended = api.wait(made, timeout=seconds)
                output = bytes(api.logs(made)).decode(errors="replace")
            except requests.exceptions.RequestException as error:
                if not timed_out(error):
                    raise
                msg = f"docker run: not finished after {timeout:.0f} s"
                raise DockerCallError(msg) from error
            finally:
                api.remove_container(made, force=True, v=True)
        return RunOnce(status=int(ended["StatusCode"]), output=output)


def _created(api: "APIClient", config: Mapping[str, Any], *, name: str | None) -> str:
    made = api.create_container_from_config(dict(config), name)  # type: ignore[no-untyped-call]  # not in the stubs
    return str(made["Id"])
