"""Several bots at once: bounded, each for itself; what they share is done by the first."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

from clawbot_agent.core.errors import ClawbotError

__all__ = ["AT_ONCE", "OncePerKey", "for_each"]

AT_ONCE: Final = 10
_KeyT = TypeVar("_KeyT")
_ResultT = TypeVar("_ResultT")
_SiteT = TypeVar("_SiteT")


class OncePerKey(Generic[_KeyT, _ResultT]):
    """Work that many threads need and one does; its error is everybody's."""

    def __init__(self) -> None:
        """See the class."""
        self._lock = threading.Lock()
        self._done: dict[_KeyT, Future[_ResultT]] = {}

    def get(self, key: _KeyT, work: Callable[[], _ResultT]) -> _ResultT:
        """The result of the first `work` for this key; waits while another thread is at it."""
        with self._lock:
            first = key not in self._done
            future = self._done.setdefault(key, Future())
        if first:
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - handed to all, raised below
                future.set_exception(error)
        return future.result()


def for_each(
    sites: Mapping[str, _SiteT], work: Callable[[_SiteT], _ResultT], *, at_once: int = AT_ONCE
) -> dict[str, _ResultT | ClawbotError]:
    """Do `work` for each site, by name; an error of one is its outcome and stops no other."""

    def one(site: _SiteT) -> _ResultT | ClawbotError:
        try:
            return work(site)
        except ClawbotError as error:
            return error

    gate = threading.BoundedSemaphore(at_once)
    outcomes: dict[str, Future[_ResultT | ClawbotError]] = {name: Future() for name in sites}

    def run(name: str) -> None:
        with gate:
            try:
                outcomes[name].set_result(one(sites[name]))
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                outcomes[name].set_exception(error)

    for name in sites:
        # daemons: who is interrupted ends at once, and the next command goes on from there
        threading.Thread(target=run, args=(name,), daemon=True).start()
    return {name: outcome.result() for name, outcome in outcomes.items()}
