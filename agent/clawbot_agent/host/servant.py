"""A child process for calls that may never return.

A file system whose server is away holds a process in the kernel, sometimes beyond SIGKILL.
So the calls are made by a child, and the parent only ever looks whether an answer has come.
"""

import contextlib
import json
import os
import select
import signal
from collections.abc import Callable
from typing import Any, Final, NoReturn

__all__ = ["Servant"]

Json = dict[str, Any]

_CHUNK: Final = 65536


class Servant:
    """Answers one question at a time, in a process of its own.

    For a program with a single thread: the child is a fork of it.

    Args:
        make: called in the child, once; makes what answers the questions. An OSError of
            that is an answer too: `{"error": errno, "message": text}`.
    """

    def __init__(self, make: Callable[[], Callable[[Json], Json]]) -> None:
        self._make = make
        self._child: int | None = None
        self._to = self._from = -1
        self._read = b""
        self._asked = False

    @property
    def busy(self) -> bool:
        """Whether an answer is outstanding."""
        return self._asked

    def ask(self, question: Json) -> None:
        """Send a question; starts the child when there is none."""
        assert not self._asked  # noqa: S101 - the caller takes an answer before it asks again
        if self._child is None:
            self._start()
        self._asked = True
        # a dead child shows as the missing answer
        with contextlib.suppress(BrokenPipeError):
            os.write(self._to, json.dumps(question).encode() + b"\n")

    def answer(self, *, timeout: float = 0.0) -> Json | None:
        """The answer, if it comes within `timeout` seconds."""
        if not self._asked or not select.select((self._from,), (), (), timeout)[0]:
            return None
        got = os.read(self._from, _CHUNK)
        self._read += got
        if got and not self._read.endswith(b"\n"):
            return None
        text, self._read, self._asked = self._read, b"", False
        if not got:
            self.abandon()
            return {"error": 0, "message": "the process that works on the share has ended"}
        found: Json = json.loads(text)
        return found

    def abandon(self) -> None:
        """Kill the child without waiting for it; the next question gets a new one."""
        if self._child is None:
            return
        os.close(self._to)
        os.close(self._from)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._child, signal.SIGKILL)
        # one that is held by the kernel is reaped by init, some day
        os.waitpid(self._child, os.WNOHANG)
        self._child, self._asked, self._read = None, False, b""

    def _start(self) -> None:
        questions, answers = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            os.close(questions[1])
            os.close(answers[0])
            _serve(self._make, questions[0], answers[1])
        os.close(questions[0])
        os.close(answers[1])
        self._child, self._to, self._from = child, questions[1], answers[0]


def _serve(make: Callable[[], Callable[[Json], Json]], source: int, target: int) -> NoReturn:
    """Answer until the parent is gone."""
    try:
        # a session of its own: the parent's signals are not the child's
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        reply: Callable[[Json], Json] | None = None
        with os.fdopen(source, "rb") as lines:
            for line in lines:
                try:
                    reply = reply or make()
                    answer = reply(json.loads(line))
                except OSError as error:
                    answer = {"error": error.errno or 0, "message": str(error)}
                os.write(target, json.dumps(answer).encode() + b"\n")
    finally:
        # not sys.exit: what the parent has open and registered is not the child's to end
        os._exit(0)
