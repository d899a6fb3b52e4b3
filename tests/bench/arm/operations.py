"""Long-running operations: they end when looked at often enough and their work is done."""

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.bench.arm.faults import Fault, FaultKind


class Status(StrEnum):
    """How far an operation is, as `Azure-AsyncOperation` says it."""

    RUNNING = "InProgress"
    DONE = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"


_INJECTED = {FaultKind.LRO_FAILED: Status.FAILED, FaultKind.LRO_CANCELED: Status.CANCELED}


@dataclass(slots=True)
class Operation:
    """One of them.

    Args:
        looks: how many more times the answer is "in progress".
        outcome: what it comes to when its work succeeds.
        finish: called once at the end, with what it came to.
        work: what has to be done meanwhile.
        result: makes the body that `Location` answers with in the end; None is an empty one.
    """

    looks: int
    outcome: Status
    finish: Callable[[Status], None]
    work: Future[Any] | None = None
    result: Callable[[], object] | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    status: Status = Status.RUNNING
    error: tuple[str, str] | None = None

    def look(self) -> Status:
        """How far it is; every look brings it nearer to its end."""
        if self.status is not Status.RUNNING:
            return self.status
        if self.looks > 0:
            self.looks -= 1
        elif self.work is None or self.work.done():
            self._end()
        return self.status

    def settle(self) -> None:
        """Wait for its work and end it."""
        if self.work is not None:
            # what the work raises is told when it ends
            self.work.exception()
        self.looks = 0
        self.look()

    def _end(self) -> None:
        self.status = self.outcome
        if self.outcome is not Status.DONE:
            self.error = ("InternalOperationError", f"The operation was {self.outcome}.")
        if self.work is not None and (problem := self.work.exception()):
            self.status = Status.FAILED
            self.error = ("InternalExecutionError", f"{type(problem).__name__}: {problem}")
        self.finish(self.status)


class Operations:
    """All that were started.

    Args:
        polls: gives how many times an operation is to be looked at before it ends.
    """

    def __init__(self, polls: Callable[[], int]) -> None:
        self._polls = polls
        self._started: dict[str, Operation] = {}

    def start(
        self,
        finish: Callable[[Status], None],
        *,
        fault: Fault | None = None,
        work: Future[Any] | None = None,
        result: Callable[[], object] | None = None,
    ) -> Operation:
        """Start one, under the influence of a fault."""
        looks, outcome = self._polls(), Status.DONE
        if fault is not None:
            outcome = _INJECTED.get(fault.kind, outcome)
            if fault.kind is FaultKind.LRO_STUCK:
                looks += int(fault.seconds)
        operation = Operation(looks, outcome, finish, work, result)
        self._started[operation.id] = operation
        return operation

    def find(self, identifier: str) -> Operation | None:
        """The operation with this id."""
        return self._started.get(identifier)

    def settle(self) -> None:
        """End all of them, those that they start as well."""
        for operation in list(self._started.values()):
            operation.settle()


def in_background(work: Callable[[], object]) -> Future[Any]:
    """Start work in a thread of its own: a machine takes its time, and may be many."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 - it is told by the operation
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
