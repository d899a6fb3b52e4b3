"""The child's side of `isolation`: a loop that runs named operations, optionally confined.

A program serves a fixed table of functions by calling `serve`. This module is such a
program itself: `python -P -m clawbot_agent.host.isolated` works on files. Requests arrive on
a socket, which is standard input; the child ends when its parent closes the other end.

A message is a header with two lengths, a JSON document and a payload of bytes. A request is
`{"do": name, "with": arguments}`; the answer has `value`, or `errno` and `message`, and
`reason` when a file was not trusted. Between the two, either side may stream chunks.
"""

import json
import os
import resource
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from clawbot_agent.host.beneath import Distrust, DistrustedError, Root
from clawbot_agent.host.files import FileWriteError, SystemFiles

__all__ = ["HEADER", "READY", "Confinement", "Operation", "framed", "main", "serve"]

HEADER: Final = struct.Struct("!II")
"""Lengths of the JSON document and of the payload, in bytes."""
READY: Final = "ready"
"""The first message of a child."""

Operation = Callable[..., object]
"""Takes the request's arguments as keywords, `data` when there is a payload and `chunks` (an
iterator of bytes) when the caller streams. Returns JSON, bytes, or an iterator of bytes."""

_CHUNK: Final = 1 << 20
_PR_SET_NO_NEW_PRIVS: Final = 38
"""linux/prctl.h."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What a child that works on hostile files is reduced to.

    Attributes:
        root: the only directory whose content it uses; opened before privileges are dropped.
        uid: its user and group; None keeps the agent's, which only changing owners needs.
        gid: its group.
        memory: limit of its address space, bytes.
        file_size: largest file that it can write, bytes.
        cpu_seconds: CPU time of one operation.
        open_files: number of descriptors.
    """

    root: str
    uid: int | None = None
    gid: int | None = None
    memory: int = 192 * 1024**2
    file_size: int = 64 * 1024**2
    cpu_seconds: int = 10
    open_files: int = 32

    def apply(self) -> None:
        """Confine this process, for good.

        Raises:
            OSError: the kernel refused; the process must not go on.
        """
        import ctypes  # noqa: PLC0415 - its import may fail under MemoryDenyWriteExecute=

        os.umask(0o077)
        for kind, most in (
            (resource.RLIMIT_AS, self.memory),
            (resource.RLIMIT_FSIZE, self.file_size),
            (resource.RLIMIT_NOFILE, self.open_files),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(kind, (most, most))
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        if self.uid is not None:
            gid = self.uid if self.gid is None else self.gid
            os.setgroups([])
            os.setresgid(gid, gid, gid)
            os.setresuid(self.uid, self.uid, self.uid)
            # neither processes nor threads; the kernel exempts root from this limit
            resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))

    def grant_cpu(self) -> None:
        """Allow `cpu_seconds` more; beyond them the kernel kills this process."""
        most = int(time.process_time()) + 1 + self.cpu_seconds
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


def framed(document: object, payload: bytes = b"") -> bytes:
    """Return one message."""
    body = json.dumps(document).encode()
    return HEADER.pack(len(body), len(payload)) + body + payload


class _ClosedError(Exception):
    """The parent closed its end."""


class _AbortedError(Exception):
    """The parent gave up in the middle of a stream."""


@dataclass(frozen=True, slots=True)
class _Channel:
    """The child's end of the socket."""

    socket: socket.socket

    def receive(self) -> tuple[dict[str, Any], bytes]:
        length, size = HEADER.unpack(self._exactly(HEADER.size))
        return json.loads(self._exactly(length)), self._exactly(size)

    def chunks(self) -> Iterator[bytes]:
        """Yield what the parent streams.

        Raises:
            _AbortedError, _ClosedError: what was streamed so far is not the whole.
        """
        while True:
            document, payload = self.receive()
            if document.get("abort"):
                raise _AbortedError
            if document.get("end"):
                return
            yield payload

    def send(self, document: object, payload: bytes = b"") -> None:
        try:
            self.socket.sendall(framed(document, payload))
        except ConnectionError as error:
            raise _ClosedError from error

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                part = self.socket.recv(min(_CHUNK, size - len(data)))
            except ConnectionError as error:
                raise _ClosedError from error
            if not part:
                raise _ClosedError
            data += part
        return bytes(data)


def serve(operations: Mapping[str, Operation], *, confinement: Confinement | None = None) -> None:
    """Run operations for the parent until it closes the channel."""
    channel = _Channel(socket.socket(fileno=0))
    try:
        channel.send(READY)
        while True:
            if confinement is not None:
                confinement.grant_cpu()
            if not _serve_one(channel, operations):
                return
    except _ClosedError:
        return


def _serve_one(channel: _Channel, operations: Mapping[str, Operation]) -> bool:
    """Answer one request; False when this process should not be used again."""
    request, data = channel.receive()
    given: dict[str, Any] = request["with"]
    if request.get("data"):
        given["data"] = data
    if request.get("stream"):
        given["chunks"] = channel.chunks()
    try:
        value = operations[request["do"]](**given)
        if isinstance(value, Iterator):
            for part in value:
                channel.send({"part": True}, part)
            value = None
    except (OSError, MemoryError, DistrustedError, FileWriteError, _AbortedError) as error:
        channel.send(_failure(error))
        # the rest of a stream may still be on its way
        return not (isinstance(error, MemoryError) or request.get("stream"))
    if isinstance(value, bytes):
        channel.send({"value": None}, value)
    else:
        channel.send({"value": value})
    return True


def _failure(error: Exception) -> dict[str, Any]:
    """Return the answer that reports `error`."""
    if isinstance(error, FileWriteError):
        number = getattr(error.__cause__, "errno", None)
        return {"errno": number, "message": error.message, "write": True}
    if isinstance(error, OSError):
        return {"errno": error.errno, "message": error.strerror or str(error)}
    if isinstance(error, MemoryError):
        return {"errno": None, "message": "out of memory", "reason": Distrust.MEMORY}
    reason = error.reason if isinstance(error, DistrustedError) else None
    return {"errno": None, "message": str(error) or "aborted", "reason": reason}


def _file_operations() -> dict[str, Operation]:
    """Return the operations on trusted files, as `Files` has them, and the two streams."""
    files = SystemFiles()

    def stat(path: str) -> dict[str, Any] | None:
        found = files.stat(Path(path))
        return None if found is None else asdict(found)

    return {
        "stat": stat,
        "read_text": lambda path: files.read_text(Path(path)),
        "list": lambda path: files.list(Path(path)),
        "write": lambda path, data, **given: files.write(Path(path), data.decode(), **given),
        "write_bytes": lambda path, data, **given: files.write_bytes(Path(path), data, **given),
        "mkdir": lambda path, **given: files.mkdir(Path(path), **given),
        "rename": lambda source, target: files.rename(Path(source), Path(target)),
        "remove": lambda path: files.remove(Path(path)),
        "read_stream": _read_stream,
        "write_stream": _write_stream,
    }


def _read_stream(path: str) -> Iterator[bytes]:
    with Path(path).open("rb", buffering=0) as file:
        while part := file.read(_CHUNK):
            yield part


def _write_stream(path: str, chunks: Iterator[bytes]) -> None:
    """Write a new file, mode 0600, and have it on disk; one that is cut short is removed."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(file, "wb", buffering=0) as writer:
            for chunk in chunks:
                left = memoryview(chunk)
                while left:
                    left = left[writer.write(left) :]
            os.fsync(file)
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise


def _root_operations(root: Root) -> dict[str, Operation]:
    """Return the operations on hostile files beneath `root`."""
    return {
        "read": root.read,
        "write": root.write,
        "stat": root.stat,
        "names": root.names,
        "walk": root.walk,
        "mkdir": root.mkdir,
        "rename": root.rename,
        "remove": root.remove,
        "chown": root.chown,
    }


def main() -> None:
    """Serve file operations, confined when the command line has a confinement as JSON."""
    if sys.argv[1:]:
        confinement = Confinement(**json.loads(sys.argv[1]))
        try:
            root = Root(confinement.root)
            confinement.apply()
        except OSError as error:
            _Channel(socket.socket(fileno=0)).send(_failure(error))
            return
        serve(_root_operations(root), confinement=confinement)
    else:
        serve(_file_operations())


if __name__ == "__main__":
    main()
