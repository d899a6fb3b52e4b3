"""The lease directory on the share, used through a child process that may hang."""

import time
from typing import Any

from clawbot_agent.host.isolation import (
    Call,
    ChildEndedError,
    ChildHungError,
    Isolation,
    OperationError,
)

Json = dict[str, Any]


class ShareProcess:
    """`Share` (see `daemon`) in a child process whose operations are those of `directory_io`."""

    def __init__(self, isolation: Isolation) -> None:
        self._isolation = isolation
        self._call: Call | None = None
        self._failure: Json | None = None

    @property
    def busy(self) -> bool:
        """Whether an answer is outstanding."""
        return self._call is not None or self._failure is not None

    def ask(self, question: Json) -> None:
        """Send a question; starts the process when there is none."""
        operation, arguments = str(question["verb"]), {**question}
        del arguments["verb"]
        try:
            self._call = self._isolation.begin(operation, arguments)
        except ChildHungError:
            self._failure = {"error": 0, "message": "too many processes hang on the share"}

    def answer(self, *, timeout: float = 0.0) -> Json | None:
        """Return the answer, if it comes within `timeout` seconds.

        An operation that failed is an answer too: `{"error": errno, "message": text}`.
        """
        if self._failure is not None:
            failure, self._failure = self._failure, None
            return failure
        if self._call is None:
            return None
        end = time.monotonic() + timeout
        try:
            while (reply := self._call.poll(max(0.0, end - time.monotonic()))) is None:
                if time.monotonic() >= end:
                    return None
            answer: Json = reply.value
        except ChildEndedError:
            answer = {"error": 0, "message": "the process that works on the share has ended"}
        except OperationError as error:
            answer = {"error": error.number or 0, "message": error.text}
        self._call = None
        return answer

    def abandon(self) -> None:
        """Kill the process without waiting for it; the next question starts a new one."""
        if self._call is not None:
            self._call.abandon()
        self._isolation.close()
        self._call = self._failure = None
