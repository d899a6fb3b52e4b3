"""Long-running operations, which end after a number of polls when their work is done."""

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.bench.arm.faults import Fault, FaultKind


class Status(StrEnum):
    """The states of `Azure-AsyncOperation`."""

    RUNNING = "InProgress"
    DONE = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"


_INJECTED = {FaultKind.LRO_FAILED: Status.FAILED, FaultKind.LRO_CANCELED: Status.CANCELED}


@dataclass(slots=True)
class Operation:
    """A long-running operation.

    Args:
        looks: number of further polls with the answer "in progress".
        outcome: state when the work succeeds.
        finish: called once at the end, with the final state.
        work: to do in the background.
        result: returns the final body of `Location`; None = empty.
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
        """Return the state and count the poll."""
        if self.status is not Status.RUNNING:
            return self.status
        if self.looks > 0:
            self.looks -= 1
        elif self.work is None or self.work.done():
            self._end()
        return self.status

    def settle(self) -> None:
        """Wait for the work and end the operation."""
        if self.work is not None:
            # an exception of the work is reported at the end
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
    """All operations.

    Args:
        polls: returns the number of polls before an operation ends.
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
        """Start an operation, optionally with a fault."""
        looks, outcome = self._polls(), Status.DONE
        if fault is not None:
            outcome = _INJECTED.get(fault.kind, outcome)
            if fault.kind is FaultKind.LRO_STUCK:
                looks += int(fault.seconds)
        operation = Operation(looks, outcome, finish, work, result)
        self._started[operation.id] = operation
        return operation

    def find(self, identifier: str) -> Operation | None:
        """Return the operation with this id."""
        return self._started.get(identifier)

    def settle(self) -> None:
        """End all operations, including those that they start."""
        for operation in list(self._started.values()):
            operation.settle()


def in_background(work: Callable[[], object]) -> Future[Any]:
    """Start work in a thread, because machines are slow and may be many."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 - the operation reports it
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
