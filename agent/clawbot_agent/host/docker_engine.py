"""`Docker` on this machine, through its SDK's low-level client: plain JSON in, plain JSON out.

The low-level client passes the engine's own documents, so that a stage can compare what it
requests with what `inspect` returns, field by field.
"""

import contextlib
import queue
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.host.docker import DockerCallError, DockerUnavailableError, Json, RunOnce
from clawbot_agent.host.guarded_files import GuardedFiles
from clawbot_agent.host.limit import Limit

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["SystemDocker", "load_image", "save_image"]

_POLL_SECONDS: Final = 0.25


class DockerConnection:
    """Connects at the first call, and after a failure at the next.

    Not for several threads: the timeout is a property of the client.
    """

    def __init__(self, socket: Path) -> None:
        """Take the path of the engine's socket."""
        self._socket = socket
        self._api: APIClient | None = None

    def get(self, *, seconds: float) -> "APIClient":
        """Return the connected client; a call fails after `seconds` without a byte."""
        if self._api is None:
            from docker import APIClient  # noqa: PLC0415 - 80 ms that 'status' must not pay

            # the constructor requests the engine's version; the stubs allow whole seconds only
            timeout = max(1, round(seconds))
            self._api = APIClient(
                base_url=f"unix://{self._socket}", version="auto", timeout=timeout
            )
        self._api.timeout = max(1, round(seconds))
        return self._api

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        if self._api is not None:
            self._api.close()
            self._api = None


def interruptible(
    work: Callable[[], Iterator[dict[str, Any]]], *, limit: Limit
) -> Iterator[dict[str, Any]]:
    """Yield what `work()` yields, read by another thread.

    A build can be silent for minutes; neither the limit nor an interrupt waits for that. An
    abandoned thread ends with the agent, which closes the connection, and then the engine
    stops the build.

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
            # silence until the limit is over is no error of the engine
            limit.check()
            raise message
        yield message


def timed_out(error: Exception) -> bool:
    """Return whether `requests` timed out, which it reports in two ways."""
    return "read timed out" in str(error).lower()


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise the SDK's errors as the agent's; `what` names the call."""
    import requests  # noqa: PLC0415 - see DockerConnection
    import urllib3  # noqa: PLC0415 - see DockerConnection
    from docker.errors import APIError, DockerException  # noqa: PLC0415 - see DockerConnection

    # a stream bypasses requests, so that urllib3's own errors occur
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


# level 3 halves an OpenClaw image at about 100 MB/s for each core; more gains little
_LEVEL: Final = 3
_CHUNK: Final = 1024 * 1024


def save_image(api: "APIClient", reference: str, *, target: Path, files: GuardedFiles) -> None:
    """Write the image to `target`, mode 0600; it appears only when it is whole.

    Raises:
        FileWriteError: no space, or read-only.
        ShareHungError: the share does not answer.
        ClawbotError: as `Limit.check`.
    """
    from zstandard import ZstdCompressor  # noqa: PLC0415 - 20 ms that 'status' must not pay

    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    packer = ZstdCompressor(level=_LEVEL, threads=-1)
    try:
        with (
            files.writing(temporary) as file,
            packer.stream_writer(file, closefd=False) as out,  # type: ignore[arg-type]  # it only writes
        ):
            for chunk in api.get_image(reference, chunk_size=_CHUNK):
                files.limit.check()
                out.write(chunk)
        files.rename(temporary, target)
    except BaseException:
        # a writing child that was killed leaves its file behind
        with contextlib.suppress(ClawbotError):
            files.undoing().remove(temporary)
        raise


def load_image(
    api: "APIClient", *, source: Path, files: GuardedFiles
) -> Iterator[dict[str, object]]:
    """Load the image in `source` into the engine; yield its messages.

    Raises:
        zstandard.ZstdError: the file is damaged.
        FileReadError: it cannot be read.
        ShareHungError: the share does not answer.
        ClawbotError: as `Limit.check`.
    """
    from zstandard import ZstdDecompressor, ZstdError  # noqa: PLC0415 - see save_image

    def chunks() -> Iterator[bytes]:
        plain = ZstdDecompressor().decompressobj()
        for chunk in files.chunks(source):
            files.limit.check()
            if part := plain.decompress(chunk):
                yield part
        if not plain.eof:
            msg = "the file is incomplete"
            raise ZstdError(msg)

    yield from api.load_image(chunks(), quiet=True)  # type: ignore[no-untyped-call]  # not in the stubs


# longest silence of the engine, in seconds: while it works, while it handles a whole image,
# and when it only reads
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
        """Return a client that connects when first used, under the limit of `files`."""
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
                    # the limit is over earlier
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
            save_image(api, reference, target=target, files=self.files)

    def load_image(self, source: Path) -> None:
        """See `Docker`."""
        from zstandard import ZstdError  # noqa: PLC0415 - see DockerConnection

        with self._call(f"docker load {source}", seconds=_IMAGE_SECONDS) as api:
            try:
                for message in load_image(api, source=source, files=self.files):
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
        # not as a datetime: the library drops fractions of a second; the engine's "never" lies
        # before the epoch
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
