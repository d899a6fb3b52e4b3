"""Files below certain paths through another process, so that a dead server hangs only that.

An operation on a mounted share may wait in the kernel for as long as its server is away,
and no signal ends a thread that waits there. So the agent asks a worker process and stops
waiting after a while. A worker that did not answer is killed and never waited for.
"""

import base64
import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause
from clawbot_agent.host.files import FileReadError, Files, FileStat, FileWriteError
from clawbot_agent.host.frames import HEADER, framed
from clawbot_agent.host.limit import Limit
from clawbot_agent.host.share_errors import ShareHungError, share_error

__all__ = ["FileWorkerError", "GuardedFiles", "Workers"]

_ARGV: Final = (sys.executable, "-P", "-m", "clawbot_agent.host.files_worker")
_READ_SECONDS: Final = 10.0
_WRITE_SECONDS: Final = 30.0
# a busy machine may need seconds to start Python; that says nothing about the share
_START_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.25
# each holds some memory until the kernel lets it go
_MOST_STUCK: Final = 4
_CHUNK: Final = 2**20


class FileWorkerError(ClawbotError):
    """The process that works on the share for the agent does not start, or dies."""

    code = "FILE_WORKER_FAILED"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = "the machine is short of memory or very busy: see 'dmesg' and 'uptime'"


class _WorkerGoneError(Exception):
    """The worker process ended in the middle of a request."""


class _Worker:
    """One worker process and the way to it."""

    def __init__(self, argv: tuple[str, ...]) -> None:
        mine, its = socket.socketpair()
        with its:
            # a session of its own: what ends the agent's group is not to end a write half-way
            self.process = subprocess.Popen(
                argv,
                stdin=its.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )
        mine.settimeout(0)
        self._channel = mine
        self._started = False

    def ask(self, request: bytes, *, limit: Limit, seconds: float) -> dict[str, Any]:
        """The answer to `request`; the time that it takes to start does not count.

        Raises:
            TimeoutError: none within `seconds`, or told to stop.
            FileWorkerError: it did not start.
            _WorkerGoneError: it ended.
        """
        if not self._started:
            self._start(limit)
        limit = limit.narrowed(seconds, label="file operation")
        left = memoryview(request)
        try:
            while left:
                self._await(select.POLLOUT, limit)
                left = left[self._channel.send(left) :]
            answer: dict[str, Any] = self._answer(limit)
        except ConnectionError as error:
            raise _WorkerGoneError from error
        return answer

    def abandon(self) -> None:
        """Kill it without waiting for its end."""
        self._channel.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    def _start(self, limit: Limit) -> None:
        try:
            self._answer(limit.narrowed(_START_SECONDS, label="file operation"))
        except TimeoutError:
            limit.check()
            msg = f"the process for file operations did not start within {_START_SECONDS:.0f} s"
            raise FileWorkerError(msg) from None
        self._started = True

    def _answer(self, limit: Limit) -> Any:  # noqa: ANN401 - JSON
        (size,) = HEADER.unpack(self._received(HEADER.size, limit))
        return json.loads(self._received(size, limit))

    def _received(self, size: int, limit: Limit) -> bytes:
        data = b""
        while len(data) < size:
            self._await(select.POLLIN, limit)
            part = self._channel.recv(min(_CHUNK, size - len(data)))
            if not part:
                raise _WorkerGoneError
            data += part
        return data

    def _await(self, event: int, limit: Limit) -> None:
        poll = select.poll()
        poll.register(self._channel, event)
        while not poll.poll(1000 * min(_POLL_SECONDS, limit.remaining())):
            if limit.remaining() <= 0 or limit.cancelled.is_set():
                raise TimeoutError


@dataclass(slots=True)
class Workers:
    """The worker processes of one agent: started when needed, used again while they answer.

    Attributes:
        argv: the worker program; a test brings its own.
    """

    argv: tuple[str, ...] = _ARGV
    _idle: list[_Worker] = field(default_factory=list)
    _stuck: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, request: bytes, *, limit: Limit, seconds: float) -> dict[str, Any] | None:
        """The answer to `request`, or None when there was none within `seconds`.

        Raises:
            FileWorkerError: two workers in turn ended instead of answering, or did not start.
        """
        for _ in range(2):
            worker = self._take()
            if worker is None:
                return None
            try:
                answer = worker.ask(request, limit=limit, seconds=seconds)
            except _WorkerGoneError:
                self._drop(worker)
            except TimeoutError:
                self._drop(worker)
                return None
            except BaseException:
                self._drop(worker)
                raise
            else:
                with self._lock:
                    self._idle.append(worker)
                return answer
        msg = "the process for file operations ends before it answers"
        raise FileWorkerError(msg)

    def _take(self) -> _Worker | None:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            self._stuck = [process for process in self._stuck if process.poll() is None]
            if len(self._stuck) >= _MOST_STUCK:
                return None
        return _Worker(self.argv)

    def _drop(self, worker: _Worker) -> None:
        worker.abandon()
        with self._lock:
            self._stuck.append(worker.process)


@dataclass(frozen=True, slots=True)
class GuardedFiles:
    """`Files` that go through a worker for paths at or below `prefixes`.

    Paths are compared as they are written: what a link points to is not looked at, because
    looking may hang.

    Raises (beside what `Files` raises):
        FileReadError: it is there and cannot be read.
        ShareHungError: no answer within 10 s for a read, 30 s for a write.
        ShareStaleError, ShareServerAwayError, ShareAccessLostError: the kernel's own words.
        DeadlineExceededError, InterruptedRunError: the run's limit came first.
    """

    direct: Files
    prefixes: tuple[Path, ...]
    limit: Limit
    workers: Workers

    def stat(self, path: Path) -> FileStat | None:
        """See `Files`."""
        if not self._guards(path):
            return self.direct.stat(path)
        found = self._ask("stat", path, _READ_SECONDS)
        return None if found is None else FileStat(**found)

    def read_text(self, path: Path) -> str | None:
        """See `Files`."""
        if not self._guards(path):
            return self.direct.read_text(path)
        text: str | None = self._ask("read_text", path, _READ_SECONDS)
        return text

    def list(self, path: Path) -> tuple[str, ...]:
        """See `Files`."""
        if not self._guards(path):
            return self.direct.list(path)
        return tuple(self._ask("list", path, _READ_SECONDS))

    def write(self, path: Path, text: str, *, mode: int, uid: int = 0, gid: int = 0) -> None:
        """See `Files`."""
        if not self._guards(path):
            self.direct.write(path, text, mode=mode, uid=uid, gid=gid)
            return
        self._ask("write", path, _WRITE_SECONDS, text=text, mode=mode, uid=uid, gid=gid)

    def write_bytes(self, path: Path, data: bytes, *, mode: int) -> None:
        """See `Files`."""
        if not self._guards(path):
            self.direct.write_bytes(path, data, mode=mode)
            return
        letters = base64.b64encode(data).decode()
        self._ask("write_bytes", path, _WRITE_SECONDS, data=letters, mode=mode)

    def mkdir(self, path: Path, *, mode: int, uid: int = 0, gid: int = 0) -> None:
        """See `Files`."""
        if not self._guards(path):
            self.direct.mkdir(path, mode=mode, uid=uid, gid=gid)
            return
        self._ask("mkdir", path, _WRITE_SECONDS, mode=mode, uid=uid, gid=gid)

    def rename(self, source: Path, target: Path) -> None:
        """See `Files`."""
        if not (self._guards(source) or self._guards(target)):
            self.direct.rename(source, target)
            return
        given = {"source": str(source), "target": str(target)}
        self._request("rename", source, given, _WRITE_SECONDS)

    def remove(self, path: Path) -> None:
        """See `Files`."""
        if not self._guards(path):
            self.direct.remove(path)
            return
        self._ask("remove", path, _WRITE_SECONDS)

    def _guards(self, path: Path) -> bool:
        lexical = Path(os.path.normpath(path))
        return any(lexical.is_relative_to(prefix) for prefix in self.prefixes)

    def _ask(self, operation: str, path: Path, seconds: float, **given: object) -> Any:  # noqa: ANN401 - JSON
        return self._request(operation, path, {"path": str(path), **given}, seconds)

    def _request(
        self, operation: str, path: Path, given: Mapping[str, object], seconds: float
    ) -> Any:  # noqa: ANN401 - JSON
        self.limit.check()
        request = framed({"do": operation, "with": given})
        answer = self.workers.ask(request, limit=self.limit, seconds=seconds)
        if answer is None:
            # the run's own end is no fault of the share
            self.limit.check()
            msg = f"{path}: no answer to '{operation}' within {seconds:.0f} s"
            raise ShareHungError(msg)
        if "value" in answer:
            return answer["value"]
        number, text = answer["errno"], answer.get("failed") or answer["refused"]
        if error := share_error(path, number, os.strerror(number) if number else text):
            raise error
        if "refused" in answer:
            raise FileWriteError(text)
        msg = f"{path}: {text}"
        raise FileReadError(msg, number=number)
