"""Several bots at a time, independent of each other; shared work is done once."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

from clawbot_agent.core.errors import ClawbotError

AT_ONCE: Final = 10
_KeyT = TypeVar("_KeyT")
_ResultT = TypeVar("_ResultT")
_BotT = TypeVar("_BotT")


class OncePerKey(Generic[_KeyT, _ResultT]):
    """Work that the first of several threads does for all; they share its result or error."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: dict[_KeyT, Future[_ResultT]] = {}

    def get(self, key: _KeyT, work: Callable[[], _ResultT]) -> _ResultT:
        """Return the result of the first `work` for this key, and wait for it if necessary."""
        with self._lock:
            first = key not in self._done
            future = self._done.setdefault(key, Future())
        if first:
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - passed to all threads, raised below
                future.set_exception(error)
        return future.result()


def for_each(
    bots: Mapping[str, _BotT], work: Callable[[_BotT], _ResultT], *, at_once: int = AT_ONCE
) -> dict[str, _ResultT | ClawbotError]:
    """Do `work` for each bot; return each result, or error, by name."""
    gate = threading.BoundedSemaphore(at_once)
    outcomes: dict[str, Future[_ResultT | ClawbotError]] = {name: Future() for name in bots}

    def run(name: str) -> None:
        with gate:
            try:
                outcomes[name].set_result(work(bots[name]))
            except ClawbotError as error:
                outcomes[name].set_result(error)
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                outcomes[name].set_exception(error)

    for name in bots:
        # daemon threads, so that an interrupt ends the command; the next one continues
        threading.Thread(target=run, args=(name,), daemon=True).start()
    return {name: outcome.result() for name, outcome in outcomes.items()}
