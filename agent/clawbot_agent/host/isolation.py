"""One mechanism for calls that can hang or must not be trusted: a child process makes them.

A call into a mounted share may wait in the kernel for as long as its server is unreachable,
and no signal ends a thread that waits there. A file that a container can write may be a trap.
So a child process runs named operations from a fixed table (`isolated`), and the parent stops
waiting at a deadline. A child that does not answer is killed and never waited for.
"""

import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause
from clawbot_agent.host.beneath import Distrust
from clawbot_agent.host.isolated import HEADER, READY, Confinement, framed
from clawbot_agent.host.limit import Limit

__all__ = [
    "Call",
    "ChildEndedError",
    "ChildHungError",
    "Confinement",
    "Distrust",
    "FileWorkerError",
    "Isolation",
    "OperationError",
    "Reply",
    "UntrustedFileError",
    "program",
]

# a busy machine may need seconds to start Python, which says nothing about the operation
_START_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.25
_REAP_SECONDS: Final = 1.0
# each holds some memory until the kernel lets it go
_MOST_STUCK: Final = 4
_CHUNK: Final = 1 << 20
# the answer of a child that works on hostile files is not trusted to be small
_MOST_ANSWER: Final = 64 * 1024**2


def program(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command line that serves the operations of `module`."""
    return (sys.executable, "-P", "-m", module, *arguments)


_FILES: Final = program("clawbot_agent.host.isolated")


class FileWorkerError(ClawbotError):
    """The process that runs file operations for the agent does not start, or dies."""

    code = "FILE_WORKER_FAILED"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = "check 'dmesg' and 'uptime': the machine is short of memory or overloaded"


class UntrustedFileError(ClawbotError):
    """A file that a container can write is not used, because it could be a trap.

    Attributes:
        reason: what is wrong with it.
    """

    code = "FILE_UNTRUSTED"
    cause = FailureCause.DATA
    hint = "inspect the file named in the message, remove or replace it, then run the agent again"

    def __init__(self, message: str, *, reason: Distrust) -> None:
        super().__init__(message)
        self.reason = reason


class ChildHungError(Exception):
    """No answer in time, or too many children already hang; the operation may still complete."""


class ChildEndedError(Exception):
    """The child ended before it answered.

    Attributes:
        status: its exit status, negative for a signal; None when it is not known.
    """

    def __init__(self, status: int | None = None) -> None:
        super().__init__(f"exit status {status}")
        self.status = status


class OperationError(Exception):
    """The operation failed in the child.

    Attributes:
        number: the kernel's errno; None when there is none.
        is_write: whether `Files` raised it as a refused write; `text` then names the path.
        reason: set when a file was not trusted.
    """

    def __init__(
        self,
        text: str,
        *,
        number: int | None = None,
        is_write: bool = False,
        reason: Distrust | None = None,
    ) -> None:
        super().__init__(text)
        self.text = text
        self.number = number
        self.is_write = is_write
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Reply:
    """What an operation returned: a JSON value, or bytes."""

    value: Any
    data: bytes


class _Child:
    """A child process and a channel to it that never blocks."""

    def __init__(self, argv: tuple[str, ...], *, confined: bool) -> None:
        mine, its = socket.socketpair()
        with its:
            # a session of its own: a signal to the agent's group must not end a write half-way
            self.process = subprocess.Popen(
                argv,
                stdin=its.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
                env=_environment() if confined else None,
            )
        mine.settimeout(0)
        self._channel = mine
        self._received = bytearray()
        self._pending: deque[memoryview] = deque()
        self.started = False

    @property
    def sending(self) -> bool:
        """Whether something still waits to be sent."""
        return bool(self._pending)

    def queue(self, message: bytes) -> None:
        """Send what the child takes of `message` at once, and the rest in `step`."""
        self._pending.append(memoryview(message))
        # a caller that polls once a second must not wait a second for the request to leave
        self._send()

    def step(self, seconds: float) -> None:
        """Send and receive what is possible within `seconds`.

        Raises:
            ChildEndedError: it ended, and nothing more comes from it.
        """
        poll = select.poll()
        poll.register(self._channel, select.POLLIN | (select.POLLOUT if self._pending else 0))
        for _, event in poll.poll(1000 * seconds):
            if event & select.POLLOUT:
                self._send()
            if event & (select.POLLIN | select.POLLHUP | select.POLLERR):
                self._receive()

    def message(self) -> tuple[Any, bytes] | None:
        """Return the next whole message, if there is one."""
        if len(self._received) < HEADER.size:
            return None
        length, size = HEADER.unpack_from(self._received)
        if length + size > _MOST_ANSWER:
            msg = f"an answer of {length + size} bytes"
            raise OperationError(msg, reason=Distrust.SIZE)
        end = HEADER.size + length + size
        if len(self._received) < end:
            return None
        body = bytes(self._received[HEADER.size : HEADER.size + length])
        payload = bytes(self._received[HEADER.size + length : end])
        del self._received[:end]
        return json.loads(body), payload

    def kill(self) -> None:
        """Kill it without waiting for its end."""
        self._channel.close()
        with suppress(ProcessLookupError):
            self.process.kill()

    def _send(self) -> None:
        first = self._pending.popleft()
        try:
            sent = self._channel.send(first)
        except BlockingIOError:
            sent = 0
        except ConnectionError:
            # an answer that it gave before it ended is still to be read
            self._pending.clear()
            return
        if sent < len(first):
            self._pending.appendleft(first[sent:])

    def _receive(self) -> None:
        try:
            part = self._channel.recv(_CHUNK)
        except BlockingIOError:
            return
        except ConnectionError:
            part = b""
        if not part:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_REAP_SECONDS)
            raise ChildEndedError(self.process.returncode)
        self._received += part


def _environment() -> dict[str, str]:
    """Return the little that a confined child gets of the agent's environment."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8"}


@dataclass(slots=True)
class Call:
    """An operation in progress; `is_stream` when chunks are sent to it."""

    _isolation: "Isolation"
    _child: _Child
    _is_stream: bool = False
    _is_over: bool = False
    _failure: Exception | None = None

    def poll(self, seconds: float = 0.0) -> Reply | None:
        """Return the reply, if it comes within `seconds`.

        Raises:
            ChildEndedError: the child ended.
            OperationError: the operation failed.
        """
        was_started = self._child.started
        found = self._next(seconds)
        if found is None and self._child.started and not was_started:
            # the first message was no answer, which may have come with it
            found = self._next(0.0)
        return None if found is None else self._replied(*found)

    def wait(self, limit: Limit, seconds: float | None = None) -> Reply:
        """Return the reply, within `limit` and `seconds` after the child has started.

        Raises:
            ChildHungError: no reply in time, or the run was interrupted.
            FileWorkerError: the child did not start.
            Exception: as `poll`.
        """
        self._start(limit)
        if seconds is not None:
            limit = limit.narrowed(seconds, label=limit.label)
        while (reply := self.poll(_pause(limit))) is None:
            self._check(limit)
        return reply

    def send(self, chunk: bytes, limit: Limit) -> None:
        """Stream a chunk to the operation; returns when the child's socket has taken it.

        Raises:
            Exception: as `wait`; OperationError also when the operation failed meanwhile.
        """
        self._stream({}, chunk, limit)

    def finish(self, limit: Limit) -> Reply:
        """End the stream and return the reply; raises as `wait`."""
        self._stream({"end": True}, b"", limit)
        return self.wait(limit)

    def abort(self, limit: Limit) -> None:
        """Have the operation undo what it did of a stream, as far as it does so in time."""
        if self._is_over:
            return
        with suppress(ChildEndedError, ChildHungError, FileWorkerError, OperationError):
            self._stream({"abort": True}, b"", limit)
            self.wait(limit)

    def parts(self, silence: float, limit: Limit) -> Iterator[bytes]:
        """Yield what the operation streams; at most `silence` seconds pass before each part.

        Raises:
            Exception: as `wait`.
        """
        self._start(limit)
        while True:
            patience = limit.narrowed(silence, label=limit.label)
            while (found := self._next(_pause(patience))) is None:
                self._check(patience)
            document, payload = found
            if "part" not in document:
                self._replied(document, payload)
                return
            yield payload

    def abandon(self) -> None:
        """Kill the child without waiting for its end."""
        if not self._is_over:
            self._is_over = True
            self._isolation.drop(self._child)

    def _keep(self) -> None:
        self._is_over = True
        self._isolation.keep(self._child)

    def _start(self, limit: Limit) -> None:
        """Wait until the child runs, at most `_START_SECONDS`."""
        started = limit.narrowed(_START_SECONDS, label=limit.label)
        while not self._child.started:
            self._next(_pause(started))
            if not self._child.started:
                self._check(limit)
                if started.remaining() <= 0:
                    self.abandon()
                    msg = (
                        "the process for file operations did not start within "
                        f"{_START_SECONDS:.0f} s"
                    )
                    raise FileWorkerError(msg)

    def _next(self, seconds: float) -> tuple[Any, bytes] | None:
        """Return the next message; the first one says that the child has started."""
        try:
            if (found := self._child.message()) is None:
                self._child.step(seconds)
                found = self._child.message()
        except (ChildEndedError, OperationError):
            self.abandon()
            raise
        if found is None or self._child.started:
            return found
        if found[0] != READY:
            # it failed to confine itself
            self._replied(*found)
        self._child.started = True
        return None

    def _stream(self, document: object, chunk: bytes, limit: Limit) -> None:
        if self._failure is not None:
            # a compressor writes its last block also after a failure
            raise self._failure
        try:
            self._start(limit)
            self._child.queue(framed(document, chunk))
            while self._child.sending:
                # no answer but a failure comes before the end of the stream
                self.poll(_pause(limit))
                self._check(limit)
        except Exception as error:
            self._failure = error
            raise

    def _check(self, limit: Limit) -> None:
        if limit.remaining() <= 0 or limit.canceled.is_set():
            self.abandon()
            raise ChildHungError

    def _replied(self, document: dict[str, Any], payload: bytes) -> Reply:
        if "value" in document:
            self._keep()
            return Reply(document["value"], payload)
        reason = document.get("reason")
        # such a child ends by itself
        if self._is_stream or not self._child.started or reason == Distrust.MEMORY:
            self.abandon()
        else:
            self._keep()
        raise OperationError(
            str(document["message"]),
            number=document["errno"],
            is_write=bool(document.get("write")),
            reason=None if reason is None else Distrust(reason),
        )


def _pause(limit: Limit) -> float:
    return min(_POLL_SECONDS, limit.remaining())


@dataclass(slots=True)
class Isolation:
    """The children of one program: started when needed, reused while they answer.

    Attributes:
        argv: the program that they run; see `program`.
        confinement: what they are reduced to, for hostile files.
    """

    argv: tuple[str, ...] = _FILES
    confinement: Confinement | None = None
    _idle: list[_Child] = field(default_factory=list)
    _stuck: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(
        self,
        operation: str,
        arguments: Mapping[str, object],
        *,
        data: bytes | None = None,
        stream: bool = False,
    ) -> Call:
        """Start an operation; `stream` says that chunks follow.

        Raises:
            ChildHungError: as many children hang as may.
        """
        child = self._take()
        request = {
            "do": operation,
            "with": {**arguments},
            "data": data is not None,
            "stream": stream,
        }
        child.queue(framed(request, data or b""))
        return Call(self, child, stream)

    def call(
        self,
        operation: str,
        arguments: Mapping[str, object],
        *,
        limit: Limit,
        seconds: float,
        data: bytes | None = None,
    ) -> Reply:
        """Run an operation to its end, within `seconds` and `limit`.

        A child that ends without an answer is replaced once, unless it is confined.

        Raises:
            ChildHungError: no answer in time, or the run was interrupted.
            ChildEndedError: a confined child ended.
            FileWorkerError: two children in turn ended, or one did not start.
            OperationError: the operation failed.
        """
        for _ in range(2):
            call = self.begin(operation, arguments, data=data)
            try:
                return call.wait(limit, seconds)
            except ChildEndedError:
                if self.confinement is not None:
                    raise
        msg = "the process for file operations ends before it answers"
        raise FileWorkerError(msg)

    def keep(self, child: _Child) -> None:
        """Take back a child that has answered."""
        with self._lock:
            self._idle.append(child)

    def drop(self, child: _Child) -> None:
        """Kill a child and count it until the kernel lets it go."""
        child.kill()
        with self._lock:
            self._stuck.append(child.process)

    def close(self) -> None:
        """End the idle children."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            self.drop(child)
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(_REAP_SECONDS)

    def _take(self) -> _Child:
        with self._lock:
            self._stuck = [process for process in self._stuck if process.poll() is None]
            if self._idle:
                return self._idle.pop()
            if len(self._stuck) >= _MOST_STUCK:
                raise ChildHungError
        if self.confinement is None:
            return _Child(self.argv, confined=False)
        argument = json.dumps(asdict(self.confinement))
        return _Child((*self.argv, argument), confined=True)
