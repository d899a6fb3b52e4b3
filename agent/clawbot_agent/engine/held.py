"""The locks of a stage that works; all of them or none."""

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Self

__all__ = ["Held"]


class Held:
    """Takes and frees `locks` together. A context manager that takes them.

    Args:
        locks: always in the same order, so that two stages cannot wait for each other.
    """

    def __init__(self, locks: Sequence[threading.Lock]) -> None:
        """See the class."""
        self._locks = tuple(locks)
        self._taken: ExitStack | None = None

    def take(self) -> None:
        """Take them; nothing when they are taken."""
        if self._taken is None:
            self._taken = ExitStack()
            for lock in self._locks:
                self._taken.enter_context(lock)

    def free(self) -> None:
        """Free them; nothing when they are free."""
        if self._taken is not None:
            self._taken.close()
            self._taken = None

    def __enter__(self) -> Self:
        """Take them."""
        self.take()
        return self

    def __exit__(self, *_error: object) -> None:
        """Free them."""
        self.free()
